//! What a step asks about.

use super::{client_step, pair_step, server_step};
use crate::conformance::conversation::room::Present;
use crate::conformance::evidence::topic::Topic;
use crate::transcript::syntax::{Role, Transcript};

impl Topic {
    /// What step `index` asks about, where it asks about anything but what its transcript is about.
    pub fn of_step(transcript: &Transcript, index: usize, present: &[Present]) -> Option<Topic> {
        let step = transcript.steps.get(index)?;
        let earlier = &transcript.steps[..index];
        match transcript.role {
            Role::Server => server_step::topic(&step.action, earlier, present),
            Role::Client => client_step::topic(&step.action, earlier),
            Role::Pair => pair_step::topic(&step.action, earlier).map(Topic::Together),
        }
    }

    /// What step `index` would ask about if nobody but its actor were connected: where that does not work
    /// either, who else is connected is not the reason.
    ///
    /// In a transcript about a pair: the plainer topic without which the step's cannot work.
    pub fn alone(transcript: &Transcript, index: usize) -> Option<Topic> {
        if transcript.role == Role::Pair {
            let step = transcript.steps.get(index)?;
            return pair_step::plainer(&step.action, &transcript.steps[..index])
                .map(Topic::Together);
        }
        Topic::of_step(transcript, index, &[])
    }
}
