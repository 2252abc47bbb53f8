//! The outcome of a load test, as JSON.

use serde::Serialize;

use super::json;
use crate::stress::outcome::{Bottleneck, Outcome};

/// The document's name and version.
pub const SCHEMA: &str = "chat-conformance/stress/2";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    passes: bool,
    bottleneck: Bottleneck,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// The outcome as one JSON document, with a newline at its end; times in seconds and microseconds, as the fields
/// of [`Outcome`] say.
pub fn render(outcome: &Outcome) -> String {
    json::text(&Document {
        schema: SCHEMA,
        passes: outcome.holds(),
        bottleneck: outcome.bottleneck(),
        outcome,
    })
}
