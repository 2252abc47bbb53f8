//! What a person's step asks of a server and its own clients.

use crate::conformance::evidence::topic::Togetherness;
use crate::transcript::syntax::{Action, Step};

/// What a person's step asks of a server and its clients, after these steps.
pub(super) fn topic(action: &Action, earlier: &[Step]) -> Option<Togetherness> {
    let somebody = |is_so: &dyn Fn(&Action) -> bool| earlier.iter().any(|step| is_so(&step.action));
    let has_left = |who: &str| {
        somebody(&|action| matches!(action, Action::Presses { actor, .. } if actor == who))
    };
    let is_shut_down = || somebody(&|action| *action == Action::IsInterrupted);
    let of_chat = || {
        let starts = earlier.iter().filter_map(|step| match &step.action {
            Action::PersonStarts { actor, .. } => Some(actor.as_str()),
            _ => None,
        });
        let people: Vec<&str> = starts.collect();
        let comes_back = |who: &&str| people.iter().filter(|other| *other == who).count() > 1;
        let is_refused = somebody(
            &|action| matches!(action, Action::PersonStarts { actor, name } if actor != name),
        );
        if people.iter().any(comes_back) {
            Togetherness::ComingBack
        } else if somebody(&|action| matches!(action, Action::Presses { .. })) {
            Togetherness::Leaving
        } else if is_refused {
            Togetherness::NameInUse
        } else if people.len() > 2 {
            Togetherness::ChatOfThree
        } else {
            Togetherness::Chat
        }
    };
    match action {
        // A server that has ended before it is interrupted did so earlier.
        Action::PersonStarts { .. }
        | Action::Types { .. }
        | Action::Presses { .. }
        | Action::Gets { .. }
        | Action::IsInterrupted => Some(of_chat()),
        Action::SeesMessage { .. } | Action::Ends { .. } if is_shut_down() => {
            Some(Togetherness::ShutDown)
        }
        Action::Ends { actor } if has_left(actor) => Some(Togetherness::Leaving),
        Action::SeesMessage { .. } | Action::Ends { .. } => Some(Togetherness::NameInUse),
        _ => None,
    }
}

/// What has to work first for a person's step to work, after these steps.
pub(super) fn plainer(action: &Action, earlier: &[Step]) -> Option<Togetherness> {
    let mut actions = earlier.iter().map(|step| &step.action);
    let somebody_left = actions.any(|action| matches!(action, Action::Presses { .. }));
    match topic(action, earlier)? {
        Togetherness::ChatOfThree => Some(Togetherness::Chat),
        Togetherness::ComingBack => Some(Togetherness::Leaving),
        Togetherness::ShutDown if somebody_left => Some(Togetherness::Leaving),
        _ => None,
    }
}
