//! Chooses the layers of the cage, and says what they do not contain.

use std::path::{Path, PathBuf};

use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::environment::Purpose;
use chat_conformance::conformance::program::supervisor::layers_here;
use chat_conformance::conformance::program::system::{has_networks_to_give, landlock_version};
use chat_conformance::report::containment::{Containment, missing};

use crate::arguments::{CageChoice, CageOptions};
use crate::complain;

/// The layers for programs under test, and a sentence for their reports if something does not contain them; says so at
/// the terminal, too. Call it when the right to networks has been gained.
///
/// # Errors
/// The machine lacks a layer that is required.
pub fn layers(
    options: &CageOptions,
    harness: &Path,
    purpose: Purpose,
) -> Result<(Vec<Layer>, Option<String>), String> {
    if let Some(place) = options.visible.iter().find(|place| !place.exists()) {
        return Err(format!(
            "--visible {}: there is no such file",
            place.display()
        ));
    }
    let mut layers = match options.cage {
        CageChoice::Off => Vec::new(),
        CageChoice::Auto | CageChoice::Require => layers_here(harness),
    };
    if purpose != Purpose::Submission {
        // A person's program works in the folder of that person.
        layers.retain(|layer| *layer != Layer::OwnUser);
    }
    let containment = containment(&layers);
    let Some(missing) = missing(&containment) else {
        return Ok((layers, None));
    };
    if options.cage == CageChoice::Require {
        return Err(format!(
            "--cage require: this machine does not offer {missing}; `conform doctor` says how to get it"
        ));
    }
    let sentence = containment.sentence();
    complain(&sentence);
    let mut letters = sentence.chars();
    let remark =
        { letters.next() }.map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str()));
    Ok((layers, remark))
}

/// What contains programs in these layers on this machine.
pub fn containment(layers: &[Layer]) -> Containment<'_> {
    Containment {
        layers,
        has_own_network: has_networks_to_give(),
        landlock: landlock_version(),
    }
}

/// The paths of `--visible`, absolute.
pub fn visible(options: &CageOptions) -> Vec<PathBuf> {
    let places = options.visible.iter();
    let absolute = places.map(|place| std::path::absolute(place).unwrap_or(place.clone()));
    absolute.collect()
}
