//! What judges evidence, as the engine sees it.

use std::fmt::Debug;

use crate::infer::{self, Course, Job, Judgement};
use crate::model::evidence::Evidence;
use crate::model::time::Moment;
use crate::model::verdict::Finding;

/// What judges evidence: [`crate::infer`], save in tests.
pub trait Judge: Debug + Send + Sync {
    /// How to go on.
    fn plan(&self, evidence: &Evidence, job: &Job, now: Moment) -> Course;
    /// What the evidence says so far.
    fn find(&self, evidence: &Evidence, job: &Job, now: Moment) -> Finding;
}

/// Judges by [`crate::infer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Inference;

impl Judge for Inference {
    fn plan(&self, evidence: &Evidence, job: &Job, now: Moment) -> Course {
        infer::plan(evidence, job, now)
    }

    fn find(&self, evidence: &Evidence, job: &Job, now: Moment) -> Finding {
        infer::judge(evidence, job, now).finding
    }
}

impl Judge for fn(&Evidence, &Job, Moment) -> Judgement {
    fn plan(&self, evidence: &Evidence, job: &Job, now: Moment) -> Course {
        self(evidence, job, now).course
    }

    fn find(&self, evidence: &Evidence, job: &Job, now: Moment) -> Finding {
        self(evidence, job, now).finding
    }
}
