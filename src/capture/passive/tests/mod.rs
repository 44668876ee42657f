//! Scripted packets through one check.
