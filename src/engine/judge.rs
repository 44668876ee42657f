//! What judges evidence, as the engine sees it.

use std::fmt::Debug;

use crate::infer::{self, Brief, Course, Judgement};
use crate::model::evidence::Evidence;
use crate::model::time::Moment;
use crate::model::verdict::Finding;

/// What judges evidence: [`crate::infer`], save in tests.
pub trait Judge: Debug + Send + Sync {
    /// How to go on.
    fn plan(&self, evidence: &Evidence, brief: &Brief, now: Moment) -> Course;
    /// What the evidence says so far.
    fn find(&self, evidence: &Evidence, brief: &Brief, now: Moment) -> Finding;
}

/// Judges by [`crate::infer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Inference;

impl Judge for Inference {
    fn plan(&self, evidence: &Evidence, brief: &Brief, now: Moment) -> Course {
        infer::plan(evidence, brief, now)
    }

    fn find(&self, evidence: &Evidence, brief: &Brief, now: Moment) -> Finding {
        infer::judge(evidence, brief, now).finding
    }
}

impl Judge for fn(&Evidence, &Brief, Moment) -> Judgement {
    fn plan(&self, evidence: &Evidence, brief: &Brief, now: Moment) -> Course {
        self(evidence, brief, now).course
    }

    fn find(&self, evidence: &Evidence, brief: &Brief, now: Moment) -> Finding {
        self(evidence, brief, now).finding
    }
}
