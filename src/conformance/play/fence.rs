//! Lines of the harness's own, which show that nothing more is to come before them.

/// Begins every line that the harness itself makes an actor say, to show that what came before it is all.
pub(super) const FENCE: &str = "that was all, number";

/// Whether a line is one of the harness's own.
pub(super) fn is_fence(line: &str) -> bool {
    line.contains(FENCE)
}
