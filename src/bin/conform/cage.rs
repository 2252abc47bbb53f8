//! Chooses the layers of the cage, and says what they do not contain.

use std::path::{Path, PathBuf};

use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::environment::Purpose;
use chat_conformance::conformance::program::supervisor::layers_here;
use chat_conformance::conformance::program::system::{has_networks_to_give, landlock_version};
use chat_conformance::report::containment::{Containment, missing};

use crate::arguments::{CageChoice, CageOptions};
use crate::complain;

/// The layers for programs under test. Says at the terminal what is not contained. Call it when the right to networks
/// has been gained.
///
/// # Errors
/// The machine lacks a layer that is required.
pub fn layers(
    options: &CageOptions,
    harness: &Path,
    purpose: Purpose,
) -> Result<Vec<Layer>, String> {
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
    if let Some(missing) = missing(&containment) {
        if options.cage == CageChoice::Require {
            return Err(format!(
                "--cage require: this machine does not offer {missing}; `conform doctor` says how to get it"
            ));
        }
        complain(&containment.sentence());
    }
    Ok(layers)
}

/// What contains programs in these layers on this machine.
pub fn containment(layers: &[Layer]) -> Containment<'_> {
    Containment {
        layers,
        has_own_network: has_networks_to_give(),
        landlock: landlock_version(),
    }
}

/// A sentence for reports, if something does not contain the program.
pub fn remark(layers: &[Layer]) -> Option<String> {
    let containment = containment(layers);
    missing(&containment)?;
    let sentence = containment.sentence();
    let mut letters = sentence.chars();
    let first = letters.next()?.to_uppercase();
    Some(format!("{first}{}.", letters.as_str()))
}

/// The paths of `--visible`, absolute.
pub fn visible(options: &CageOptions) -> Vec<PathBuf> {
    let places = options.visible.iter();
    let absolute = places.map(|place| std::path::absolute(place).unwrap_or(place.clone()));
    absolute.collect()
}
