//! `conform grade`: judges and scores the submissions of a class, and writes the reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chat_conformance::classroom::intake::{Intake, NotUnpacked};
use chat_conformance::classroom::layout::Layout;
use chat_conformance::classroom::moment::Moment;
use chat_conformance::classroom::people::{People, Roster, Student};
use chat_conformance::classroom::sheet::Sheet;
use chat_conformance::conformance::evidence::visible_name;
use chat_conformance::conformance::files::input::{Links, MOST_SETTINGS, read_file, read_text};
use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::environment::Purpose;
use chat_conformance::conformance::program::supervisor::{Orphanage, gain_right_to_networks};
use chat_conformance::conformance::suite::Suite;
use chat_conformance::conformance::suite::digest::Digest;
use chat_conformance::grading::assessment::{Assessment, check};
use chat_conformance::grading::class::Class;
use chat_conformance::grading::class_run::{Abandoned, Arrangement, examine_all};
use chat_conformance::grading::examination::{Candidate, Terms, alike};
use chat_conformance::grading::hand_marks::{self, HandMarks};
use chat_conformance::grading::manifest::{MANIFEST_SCHEMA, Manifest, Shard};
use chat_conformance::grading::record::Record;
use chat_conformance::grading::rubric::{BUILT_IN, Rubric};
use chat_conformance::grading::store::Store;
use chat_conformance::report::upload;

use crate::archive::{self, Entry};
use crate::arguments::GradeCommand;
use crate::cage;
use crate::changes::Verdicts;
use crate::class_results::{ClassResults, some};
use crate::class_setup::{
    beside, hidden_places, instructions_of, name_of, refuse_one_in_the_other, resolved,
    side_by_side, skipped, tell_problems,
};
use crate::look_up::{load_suite, show_mistakes};
use crate::overview::Overview;
use crate::reports::{CLASS_JSON, people_table};
use crate::subjects::processors;
use crate::{
    HOLDS, INTERRUPTED, UNABLE, WRONG_USE, complain, own_program, print, refuse, terminal_style,
    watch_for_interruption,
};

/// Maximum size of a roster or a gradebook.
const MOST_TABLE: u64 = 32 << 20;

/// The file of the rubric in the results folder.
const RUBRIC: &str = "rubric.toml";
/// The file of the marks that a person gave.
const MARKS: &str = "marks.csv";
/// The system's list of grades.
const GRADEBOOK: &str = "gradebook.csv";

/// Why a command stops.
enum Stop {
    /// The command line or an input is invalid.
    WrongUse(String),
    /// The reason is printed already; this is the exit status.
    Said(ExitCode),
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::WrongUse(why)
    }
}

/// Judges a class, or reads its recorded evidence, and writes all reports.
pub fn grade(command: &GradeCommand) -> ExitCode {
    // Programs under test get a limit of their own.
    chat_conformance::server::raise_descriptor_limit();
    let outcome = if let Err(why) = check_upload(command) {
        Err(why.into())
    } else if let Some(results) = &command.again {
        again(command, results)
    } else if !command.merge.is_empty() {
        merge(command)
    } else if let Some(class) = &command.class {
        if command.list {
            list(command, class)
        } else {
            examine_class(command, class)
        }
    } else {
        Err("the class is missing: conform grade CLASS"
            .to_owned()
            .into())
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(Stop::WrongUse(why)) => refuse(&why),
        Err(Stop::Said(status)) => status,
    }
}

/// Refuses an upload in the place of a file that it is made from, or in the class.
fn check_upload(command: &GradeCommand) -> Result<(), String> {
    let Some(upload) = &command.upload else {
        return Ok(());
    };
    let inputs = [
        &command.class,
        &command.gradebook,
        &command.roster,
        &command.marks,
        &command.rubric,
        &command.again,
    ];
    let inputs = inputs.into_iter().flatten();
    let inputs: Vec<PathBuf> = inputs
        .filter_map(|file| fs::canonicalize(file).ok())
        .collect();
    for file in [upload.clone(), upload.with_extension("csv")] {
        let place = resolved(&file)?;
        if inputs.iter().any(|input| place.starts_with(input)) {
            return Err(format!(
                "{}: --upload would write over a file that it is made from, or into the class or its results; choose \
                 another name",
                file.display()
            ));
        }
    }
    Ok(())
}

/// A rubric, and its source text.
struct ReadRubric {
    text: String,
    rubric: Rubric,
}

impl ReadRubric {
    fn digest(&self) -> String {
        let mut digest = Digest::default();
        digest.add(&self.text);
        digest.finish()
    }
}

fn suite_of(command: &GradeCommand) -> Result<Suite, Stop> {
    load_suite(command.suite.folder.as_deref()).map_err(Stop::Said)
}

/// The rubric of `--rubric`; else the one in the results folder, which must be unchanged since the results were
/// scored; else the built-in one.
fn rubric_of(
    command: &GradeCommand,
    store: &Store,
    manifest: Option<&Manifest>,
    suite: &Suite,
) -> Result<ReadRubric, Stop> {
    let read =
        |file: &Path| read_text(file, MOST_SETTINGS, Links::Follow).map_err(|why| why.to_string());
    let (name, text) = match &command.rubric {
        Some(file) => (file.display().to_string(), read(file)?),
        None => match store.read_for_class(RUBRIC)? {
            Some(text) => (store.file(RUBRIC).display().to_string(), text),
            None => ("the built-in rubric".to_owned(), BUILT_IN.to_owned()),
        },
    };
    match Rubric::parse(&text, &suite.requirements) {
        Ok(rubric) => {
            let read = ReadRubric { text, rubric };
            let is_given = command.rubric.is_some();
            let is_another = |manifest: &&Manifest| !is_given && manifest.rubric != read.digest();
            match manifest.filter(is_another) {
                None => Ok(read),
                Some(_) => Err(format!(
                    "{}: missing or changed since the results were scored; choose a rubric with --rubric FILE",
                    store.file(RUBRIC).display()
                )
                .into()),
            }
        }
        Err(mistakes) => {
            show_mistakes(&name, &text, &mistakes);
            Err(Stop::Said(ExitCode::from(WRONG_USE)))
        }
    }
}

/// Opens a class, which is not what an earlier run wrote about one.
pub fn opened_class(
    class: &Path,
    layout: Option<Layout>,
    due: Option<Moment>,
) -> Result<Intake, String> {
    if Store::is_at(class) {
        return Err(format!(
            "{}: holds results of `conform grade`; name the folder with the submissions (or score the results again with \
             `conform grade --again`)",
            class.display()
        ));
    }
    Intake::open(class, layout, due)
}

/// Opens the class, and completes the list of its people from the rosters.
fn opened(
    command: &GradeCommand,
    class: &Path,
    due: Option<Moment>,
) -> Result<(Intake, Vec<String>), String> {
    let mut intake = opened_class(class, command.layout, due)?;
    let own = intake.roster()?.map(|bytes| (class.to_owned(), bytes));
    let given = match &command.roster {
        Some(file) => {
            let bytes = read_file(file, MOST_TABLE, Links::Follow);
            let bytes = bytes.map_err(|why| why.to_string())?;
            Some((file.clone(), bytes))
        }
        None => None,
    };
    let mut unknown = Vec::new();
    for (file, bytes) in own.into_iter().chain(given) {
        let named = |why: String| format!("{}: {why}", file.display());
        let roster = Sheet::parse(bytes).and_then(|sheet| Roster::read(&sheet));
        let roster = match roster.map_err(named) {
            Err(why) if file == class => {
                complain(&format!("its list of students is not used: {why}"));
                continue;
            }
            roster => roster?,
        };
        let people = intake.people_mut();
        let completed = roster.complete(&mut people.students);
        (people.absent, unknown) = completed;
    }
    for student in &intake.people().students {
        Store::check_name(&student.submission)?;
    }
    Ok((intake, unknown))
}

fn tell_unknown(unknown: &[String]) {
    if !unknown.is_empty() {
        complain(&format!(
            "not in the roster: {}",
            some(unknown.iter().map(String::as_str))
        ));
    }
}

/// Shows who handed in what.
fn list(command: &GradeCommand, class: &Path) -> Result<u8, Stop> {
    let cancelled = watch_for_interruption()?;
    let (mut intake, unknown) = opened(command, class, None)?;
    tell_unknown(&unknown);
    let place = tempfile::tempdir().map_err(|why| why.to_string())?;
    let arrived = intake.unpack(place.path(), &|name| command.shard.holds(name), &cancelled);
    let arrived = match arrived {
        Ok(arrived) => arrived,
        Err(why) => return not_unpacked(why),
    };
    print(&people_table(
        &name_of(class),
        intake.people(),
        &skipped(&intake),
        terminal_style(),
    ));
    tell_problems(&arrived);
    Ok(HOLDS)
}

fn not_unpacked(why: NotUnpacked) -> Result<u8, Stop> {
    match why {
        NotUnpacked::Cancelled => {
            complain("interrupted");
            Ok(INTERRUPTED)
        }
        NotUnpacked::Failed(why) => {
            complain(&why);
            Ok(UNABLE)
        }
    }
}

fn examine_class(command: &GradeCommand, directory: &Path) -> Result<u8, Stop> {
    let suite = suite_of(command)?;
    let (mut intake, unknown) = opened(command, directory, None)?;
    tell_unknown(&unknown);
    let instructions = instructions_of(directory)?;
    let limits = instructions.limits.applied_to(command.limits);
    limits.check_inherited()?;
    let harness = own_program()?;
    // This works only while the process has one thread.
    gain_right_to_networks(&harness);
    let (layers, _) = cage::layers(&command.cage, &harness, Purpose::Submission)?;
    let class = fs::canonicalize(directory).map_err(|why| why.to_string())?;
    let out = match &command.out {
        Some(out) => resolved(out)?,
        None => resolved(&beside(directory, "results")?)?,
    };
    refuse_one_in_the_other(&class, &out)?;
    let store = Store::begin(&out)?;
    let earlier = store.manifest()?;
    let resumed = earlier.as_ref().filter(|_| command.resume);
    let rubric = rubric_of(command, &store, resumed, &suite)?;
    if let Some(rules) = &rubric.rubric.late {
        // Of several tries, the last one before the deadline counts.
        (intake, _) = opened(command, directory, Some(rules.due))?;
    }
    let suite_digest = suite.digest();
    let names = intake.people().students.iter();
    let names = names.map(|student| student.submission.clone());
    let names: Vec<String> = names.filter(|name| command.shard.holds(name)).collect();
    let mut manifest = Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        class: name_of(&class),
        suite: suite_digest.clone(),
        rubric: rubric.digest(),
        shards: vec![command.shard],
        submissions: names,
        people: Some(intake.people().clone()),
    };
    if let Some(earlier) = earlier {
        if !command.resume {
            return Err(format!(
                "{}: holds results already; continue with --resume, or choose another folder with --out",
                out.display()
            )
            .into());
        }
        if (&earlier.class, &earlier.shards) != (&manifest.class, &manifest.shards) {
            return Err(format!(
                "{}: holds results of another class, or of another part of it; choose another folder with --out",
                out.display()
            )
            .into());
        }
    }
    keep_terms(&store, &manifest, &rubric)?;
    let marks = marks_of(command, &store, &rubric.rubric, intake.people())?;
    let is_text = |gradebook: &&[u8]| std::str::from_utf8(gradebook).is_ok();
    if let Some(gradebook) = intake.gradebook().filter(is_text) {
        store.write_for_class(GRADEBOOK, gradebook)?;
    }
    let workplaces = store.make_workplaces(layers.contains(&Layer::OwnUser))?;

    let cancelled = watch_for_interruption()?;
    let is_wanted = |name: &str| command.shard.holds(name);
    let submissions = match intake.unpack(&workplaces.unpacked, &is_wanted, &cancelled) {
        Ok(arrived) => arrived,
        Err(why) => return not_unpacked(why),
    };
    manifest.people = Some(intake.people().clone());
    keep_terms(&store, &manifest, &rubric)?;
    let is_of_a_system = intake.people().layout != Layout::Folders;
    if is_of_a_system || command.roster.is_some() {
        let skipped = skipped(&intake);
        print(&people_table(
            &manifest.class,
            intake.people(),
            &skipped,
            terminal_style(),
        ));
    } else if let skipped @ [_, ..] = &skipped(&intake)[..] {
        complain(&format!(
            "skipped, nobody's submission: {}",
            some(skipped.iter().map(String::as_str))
        ));
    }
    tell_problems(&submissions);
    let _orphanage = Orphanage::open();
    let hidden = hidden_places(
        &class,
        store.root(),
        &submissions,
        &workplaces.unpacked,
        &harness,
    );
    let side_by_side = side_by_side(command.jobs, &layers);
    let processors = processors();
    let visible = cage::visible(&command.cage);
    let terms = Terms {
        suite: &suite,
        suite_digest: &suite_digest,
        instructions: &instructions,
        limits: command.limits,
        patience: Duration::from_secs_f64(command.patience),
        time_limit: Duration::from_secs_f64(command.seconds),
        harness: &harness,
        slots: &Arc::new(Slots::new(2 * processors)),
        // Most replays wait most of the time, and lend their slots.
        at_once: 4 * processors,
        roles_at_once: side_by_side.roles,
        workplaces: &workplaces.copies,
        scratch: &workplaces.scratch,
        hidden: &hidden,
        cage: &layers,
        visible: &visible,
        cancelled: &cancelled,
    };
    let count = submissions.len();
    let (mut candidates, mut is_settled) = (Vec::new(), Vec::new());
    let class_results =
        ClassResults::new(&store, &suite, &rubric.rubric).about(manifest.people.clone(), marks);
    // Results of an earlier run are read before any program is started that could change them.
    for arrived in submissions {
        if cancelled.load(Ordering::SeqCst) {
            return Ok(INTERRUPTED);
        }
        let candidate = Candidate::new(arrived, &terms);
        let record = settled(&candidate, &store, &suite);
        is_settled.push(record.is_some());
        candidates.push(candidate);
        if let Some(record) = record {
            class_results.settled(record);
        }
    }
    for group in alike(&candidates) {
        complain(&format!(
            "these consist of the same files: {}",
            some(group.into_iter())
        ));
    }
    let mut is_settled = is_settled.into_iter();
    candidates.retain(|_| is_settled.next() == Some(false));
    let overview = Overview::new(count, count - candidates.len());
    let arrangement = Arrangement {
        side_by_side: side_by_side.submissions,
        in_the_gaps: side_by_side.in_the_gaps,
        control_every: usize::from(command.control_every),
    };
    let examined = examine_all(
        &candidates,
        &terms,
        arrangement,
        &|record| class_results.record(record),
        &|progress| overview.show(progress),
    );
    overview.clear();
    class_results.verify();
    class_results.tell_troubles();
    // Written again in any case: a program under test may have changed them, and --resume reads them.
    let kept = keep_terms(&store, &manifest, &rubric);
    let goes_on = format!(
        "the results so far are in {}; continue with --resume",
        out.display()
    );
    if let (Err(why), Err(_)) = (&kept, &examined) {
        complain(&format!("cannot be written: {why}"));
    }
    match examined {
        Ok(()) => {
            let marks = Marks {
                assessments: class_results.into_assessments(),
                unwritten: kept.err().into_iter().collect(),
            };
            report_on_class(command, &store, &manifest, &suite, marks)
        }
        Err(Abandoned::Cancelled) => {
            complain(&format!("interrupted; {goes_on}"));
            Ok(INTERRUPTED)
        }
        Err(Abandoned::Unfit(why)) => {
            complain(&format!(
                "this machine cannot judge programs reliably: {why}; {goes_on}"
            ));
            Ok(UNABLE)
        }
        Err(Abandoned::Failed) => {
            complain(&format!("the harness failed; {goes_on}"));
            Ok(UNABLE)
        }
    }
}

/// Writes the manifest and the rubric of the results.
fn keep_terms(store: &Store, manifest: &Manifest, rubric: &ReadRubric) -> Result<(), String> {
    store.keep_manifest(manifest)?;
    store.write_for_class(RUBRIC, rubric.text.as_bytes())
}

/// The record of exactly this submission, if it is reliable. A record that cannot be read, or does not fit the suite,
/// is ignored.
fn settled(candidate: &Candidate, store: &Store, suite: &Suite) -> Option<Record> {
    let record = store.record_of(&candidate.name).ok().flatten();
    record.filter(|record| {
        record.digest == candidate.digest
            && !record.is_doubtful
            && record.is_judged()
            && record.is_unanimous()
            && check(record, suite).is_ok()
    })
}

/// Scores recorded evidence again, and starts no program.
fn again(command: &GradeCommand, results: &Path) -> Result<u8, Stop> {
    let (store, manifest) = Store::existing(results)?;
    let suite = suite_of(command)?;
    if suite.digest() != manifest.suite {
        return Err(format!(
            "{}: recorded with another suite than this one",
            results.display()
        )
        .into());
    }
    store.check_version(&manifest.submissions)?;
    let rubric = rubric_of(command, &store, Some(&manifest), &suite)?;
    let before = store.read_for_class(CLASS_JSON).ok().flatten();
    let before = before.and_then(|text| Verdicts::stored(&text));
    let manifest = Manifest {
        rubric: rubric.digest(),
        ..manifest
    };
    keep_terms(&store, &manifest, &rubric)?;
    let marks = marks_of(command, &store, &rubric.rubric, &people_of(&manifest))?;
    let class_results =
        ClassResults::new(&store, &suite, &rubric.rubric).about(manifest.people.clone(), marks);
    for name in &manifest.submissions {
        if let Some(record) = recorded(&store, name, &manifest, &suite) {
            class_results.settled(record);
        }
    }
    class_results.tell_troubles();
    let marks = Marks {
        assessments: class_results.into_assessments(),
        unwritten: Vec::new(),
    };
    let now = Verdicts::of(marks.assessments.values());
    let status = report_on_class(command, &store, &manifest, &suite, marks)?;
    if let Some(before) = before {
        print(&format!("\n{}", now.changes_since(&before)));
    }
    Ok(status)
}

/// The record of a submission. An unreadable record affects this submission only.
fn recorded(store: &Store, name: &str, manifest: &Manifest, suite: &Suite) -> Option<Record> {
    // Evidence of another suite does not count.
    let is_of_suite = |record: &Record| record.suite == manifest.suite;
    let record = store.record_of(name).and_then(|record| {
        let record = record.filter(is_of_suite);
        match record.as_ref().map(|record| check(record, suite)) {
            Some(Err(why)) => Err(format!("{}'s evidence {why}", visible_name(name))),
            _ => Ok(record),
        }
    });
    record.unwrap_or_else(|why| {
        complain(&why);
        None
    })
}

/// Merges the parts of a class.
fn merge(command: &GradeCommand) -> Result<u8, Stop> {
    let Some(out) = &command.out else {
        return Err("--out DIR is missing: the folder for the merged results"
            .to_owned()
            .into());
    };
    let suite = suite_of(command)?;
    let out = resolved(out)?;
    let mut parts: Vec<(&PathBuf, Store, Manifest)> = Vec::new();
    for results in &command.merge {
        let shown = results.display();
        let place = resolved(results)?;
        if parts.iter().any(|(_, part, _)| part.root() == place) {
            return Err(format!("{shown}: given twice").into());
        }
        if place.starts_with(&out) || out.starts_with(&place) {
            return Err(format!(
                "{}: the merged results cannot be inside {shown} or contain it; choose another folder with --out",
                out.display()
            )
            .into());
        }
        let (store, manifest) = Store::existing(results)?;
        store.check_version(&manifest.submissions)?;
        parts.push((results, store, manifest));
    }
    let manifests: Vec<(String, &Manifest)> = parts
        .iter()
        .map(|(results, _, manifest)| (results.display().to_string(), manifest))
        .collect();
    let whole = Manifest::merged(&manifests)?;
    if whole.suite != suite.digest() {
        return Err("the parts were recorded with another suite than this one"
            .to_owned()
            .into());
    }
    let (_, first, manifest) = &parts[0];
    let rubric = rubric_of(command, first, Some(manifest), &suite)?;
    let whole = Manifest {
        rubric: rubric.digest(),
        ..whole
    };
    let target = Store::begin(&out)?;
    if target.manifest()?.is_some() {
        return Err(format!("{}: holds results already", out.display()).into());
    }
    keep_terms(&target, &whole, &rubric)?;
    for file in [MARKS, GRADEBOOK] {
        let kept = parts
            .iter()
            .find_map(|(_, store, _)| store.read_for_class(file).ok().flatten());
        if let Some(text) = kept {
            target.write_for_class(file, text.as_bytes())?;
        }
    }
    let marks = marks_of(command, &target, &rubric.rubric, &people_of(&whole))?;
    let class_results =
        ClassResults::new(&target, &suite, &rubric.rubric).about(whole.people.clone(), marks);
    for (_, store, manifest) in &parts {
        for name in &manifest.submissions {
            if let Some(record) = recorded(store, name, manifest, &suite) {
                class_results.record(&record);
            }
        }
    }
    class_results.tell_troubles();
    let marks = Marks {
        assessments: class_results.into_assessments(),
        unwritten: Vec::new(),
    };
    let status = report_on_class(command, &target, &whole, &suite, marks)?;
    let missing: Vec<String> = match whole.shards[..] {
        [Shard::WHOLE] => return Ok(status),
        _ => whole
            .missing_shards()
            .iter()
            .map(Shard::to_string)
            .collect(),
    };
    complain(&format!(
        "these parts were not given and are not merged: {}; merge all parts into another folder",
        some(missing.iter().map(String::as_str))
    ));
    Ok(UNABLE)
}

/// The marks of a class.
struct Marks {
    /// By submission.
    assessments: BTreeMap<String, Assessment>,
    /// Errors while writing.
    unwritten: Vec<String>,
}

/// Prints the class's table, and writes the reports on the class.
fn report_on_class(
    command: &GradeCommand,
    store: &Store,
    manifest: &Manifest,
    suite: &Suite,
    marks: Marks,
) -> Result<u8, Stop> {
    let Marks {
        mut assessments,
        mut unwritten,
    } = marks;
    let mut submissions = Vec::new();
    let mut missing = Vec::new();
    for name in &manifest.submissions {
        match assessments.remove(name) {
            Some(assessment) => submissions.push(assessment),
            None => missing.push(name.as_str()),
        }
    }
    let is_doubtful = |one: &Assessment| !one.score.doubts.is_empty();
    let doubtful = submissions.iter().filter(|one| is_doubtful(one)).count();
    let class = Class::of(
        manifest.class.clone(),
        submissions,
        suite.requirements.clone(),
    );
    print(&crate::reports::class_table(&class, terminal_style()));
    unwritten.extend(crate::reports::write_for_class(store, &class));
    if unwritten.is_empty() {
        let index = store.file(crate::reports::INDEX);
        print(&format!("\nDetails: {}\n", index.display()));
    }
    for why in &unwritten {
        complain(&format!("cannot be written: {why}"));
    }
    if manifest.shards != [Shard::WHOLE] {
        let shards: Vec<String> = manifest.shards.iter().map(Shard::to_string).collect();
        let shards = shards.join(", ");
        complain(&format!("these are only the parts {shards} of the class"));
    }
    if !missing.is_empty() {
        complain(&format!(
            "{} not judged yet: {}; continue with --resume",
            missing.len(),
            some(missing.iter().copied())
        ));
    }
    if doubtful > 0 {
        complain(&format!(
            "{doubtful} of {} marks are marked `?`, because somebody has to check them: their pages say why; --resume \
             judges those again whose runs disagree",
            class.submissions.len()
        ));
    }
    let is_one_part = manifest.shards.len() == 1;
    if let Some(file) = &command.upload {
        upload(command, file, store, manifest, &class)?;
    }
    if missing.is_empty() && doubtful == 0 && is_one_part && unwritten.is_empty() {
        Ok(HOLDS)
    } else {
        Ok(UNABLE)
    }
}

/// The people of a class; results of an earlier version name only the submissions.
fn people_of(manifest: &Manifest) -> People {
    let student = |name: &String| Student {
        submission: name.clone(),
        ..Student::default()
    };
    manifest.people.clone().unwrap_or_else(|| People {
        layout: Layout::Folders,
        root: String::new(),
        students: manifest.submissions.iter().map(student).collect(),
        absent: Vec::new(),
    })
}

/// The marks that a person gave: those of `--marks`, which the results folder keeps, or those that it has.
fn marks_of(
    command: &GradeCommand,
    store: &Store,
    rubric: &Rubric,
    people: &People,
) -> Result<HandMarks, Stop> {
    let (name, text) = match &command.marks {
        Some(file) => {
            let text = read_text(file, MOST_TABLE, Links::Follow).map_err(|why| why.to_string())?;
            (file.clone(), text)
        }
        None => match store.read_for_class(MARKS)? {
            Some(text) => (store.file(MARKS), text),
            None => return Ok(HandMarks::new()),
        },
    };
    let named = |why: String| format!("{}: {why}", name.display());
    let sheet = Sheet::parse(text.clone().into_bytes()).map_err(named)?;
    let marks = hand_marks::read(&sheet, &rubric.by_hand, people).map_err(named)?;
    store.write_for_class(MARKS, text.as_bytes())?;
    Ok(marks)
}

/// Writes what the system takes that the class comes from.
fn upload(
    command: &GradeCommand,
    file: &Path,
    store: &Store,
    manifest: &Manifest,
    class: &Class,
) -> Result<(), Stop> {
    let people = people_of(manifest);
    let given = match &command.gradebook {
        Some(gradebook) => {
            let bytes = read_file(gradebook, MOST_TABLE, Links::Follow);
            Some(bytes.map_err(|why| why.to_string())?)
        }
        None => store.read_for_class(GRADEBOOK)?.map(String::into_bytes),
    };
    let upload = upload::build(upload::Source {
        class,
        people: &people,
        layout: command.layout.unwrap_or(people.layout),
        gradebook: given.as_deref(),
        item: command.item.as_deref(),
        report: &|submission| {
            let report = store.file(submission).join(upload::REPORT);
            read_file(&report, MOST_TABLE, Links::Refuse).ok()
        },
    })?;
    let failed = |file: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let mut written = Vec::new();
    let mut table_file = file.to_owned();
    if let Some(entries) = &upload.archive {
        let entries = entries.iter().map(|(path, bytes)| Entry {
            path,
            bytes,
            is_program: false,
        });
        archive::write(file, entries).map_err(|why| failed(file, &why))?;
        written.push(file.display().to_string());
        table_file.set_extension("csv");
    }
    if let Some(table) = &upload.table {
        fs::write(&table_file, table).map_err(|why| failed(&table_file, &why))?;
        written.push(table_file.display().to_string());
    }
    print(&format!(
        "\nTo upload: {}\n{}\n",
        written.join(", "),
        upload.notes.join("\n")
    ));
    Ok(())
}
