//! The reader of downloads: archives of students, and of whole classes.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chat_conformance::classroom::intake::{Intake, NotUnpacked};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Target;
use super::language::is_printable;

/// The download as a file, and as what one student of a folder handed in. Whatever is in it, files are written only
/// where they are unpacked, and no link leads out of there.
fn archive(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    // Deep enough that a path that leads out a little is seen.
    let deep = folder.path().join("a/b/c");
    let at = |name: &str| deep.join(name);
    fs::create_dir_all(at("class/bob")).expect("is made");
    fs::write(at("download.zip"), data).expect("is written");
    fs::write(at("class/alice.zip"), data).expect("is written");
    fs::write(at("class/bob/server.py"), PROGRAM).expect("is written");
    for (class, place) in [("download.zip", "one"), ("class", "two")] {
        let (class, place) = (at(class), at(place));
        fs::create_dir(&place).expect("is made");
        unpacked(&class, &place);
        stays_inside(&place, &place);
        fs::remove_dir_all(&place).expect("is removed");
    }
    let mut all = Vec::new();
    files_below(folder.path(), &mut all);
    all.sort();
    let expected = ["class/alice.zip", "class/bob/server.py", "download.zip"].map(at);
    assert_eq!(all, expected, "something was written elsewhere");
    for (path, content) in expected.iter().zip([data, PROGRAM, data]) {
        assert!(
            fs::read(path).is_ok_and(|now| now == content),
            "{} was changed",
            path.display()
        );
    }
}

const PROGRAM: &[u8] = b"print('Port 5000')\n";

fn unpacked(class: &Path, place: &Path) {
    let told = match Intake::open(class, None, None) {
        Err(why) => vec![why],
        Ok(mut intake) => match intake.unpack(place, &|_| true, &AtomicBool::new(false)) {
            Err(NotUnpacked::Failed(why)) => vec![why],
            Err(NotUnpacked::Cancelled) => panic!("nobody cancelled it"),
            Ok(arrived) => {
                let mut told = Vec::new();
                for submission in arrived {
                    let folder = fs::canonicalize(&submission.folder).expect("is there");
                    let is_in = |root: &Path| {
                        fs::canonicalize(root).is_ok_and(|root| folder.starts_with(root))
                    };
                    assert!(is_in(place) || is_in(class), "{}", folder.display());
                    told.extend(submission.notes);
                    told.extend(submission.problem);
                }
                told
            }
        },
    };
    for sentence in told {
        assert!(is_printable(&sentence), "{sentence:?}");
        assert!(sentence.len() < 20_000, "{} bytes", sentence.len());
    }
}

/// Adds every file in `folder`, at any depth.
fn files_below(folder: &Path, all: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        match path.is_dir() && !path.is_symlink() {
            true => files_below(&path, all),
            false => all.push(path),
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.map(|entry| entry.path()).collect()
}

/// No link in `folder` leads out of `root`, and nothing in it is special.
fn stays_inside(folder: &Path, root: &Path) {
    for path in entries(folder) {
        let kind = fs::symlink_metadata(&path).expect("is there").file_type();
        if kind.is_symlink() {
            let root = fs::canonicalize(root).expect("is there");
            let aim = fs::canonicalize(&path).unwrap_or_else(|_| aim_of(&path));
            assert!(aim.starts_with(root), "{}", path.display());
        } else if kind.is_dir() {
            stays_inside(&path, root);
        } else {
            assert!(kind.is_file(), "{}", path.display());
        }
    }
}

/// Where a link to nothing would lead.
fn aim_of(link: &Path) -> PathBuf {
    let folder = link.parent().expect("is in a folder");
    let mut aim = fs::canonicalize(folder).expect("is there");
    for part in fs::read_link(link).expect("is a link").components() {
        match part {
            Component::ParentDir => assert!(aim.pop(), "{}", link.display()),
            part => aim.push(part),
        }
    }
    aim
}

fn zip(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (path, content) in files {
        archive.start_file(*path, options).expect("is begun");
        archive.write_all(content).expect("is written");
    }
    for (path, aim) in links {
        archive
            .add_symlink(*path, *aim, options)
            .expect("is written");
    }
    archive.finish().expect("is finished").into_inner()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        archive
            .append_data(&mut header, path, *content)
            .expect("is written");
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    archive
        .append_link(&mut link, "client.py", "server.py")
        .expect("is written");
    archive.into_inner().expect("is finished")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("is packed");
    packed.finish().expect("is finished")
}

pub const ARCHIVE: Target = Target {
    name: "archive",
    run: archive,
    seeds: || {
        let both = [("server.py", PROGRAM), ("src/client.py", PROGRAM)];
        let one = zip(&both, &[("link.py", "server.py"), ("out", "../../out")]);
        vec![
            zip(&[("handin/inner.zip", &one), ("__MACOSX/._server.py", b"x")], &[]),
            zip(
                &[
                    ("Assignment/grades.csv", b"Assignment,Points\n\nDisplay ID,ID,Last Name,First Name,grade\na1,a1,A,Al,\n"),
                    ("Assignment/A, Al(a1)/Submission attachment(s)/server.py", PROGRAM),
                    ("Assignment/A, Al(a1)/timestamp.txt", b"20261128120000000"),
                ],
                &[],
            ),
            zip(&[("A Al_7_assignsubmission_file_/server.py", PROGRAM), ("B Bo_8_assignsubmission_file_/a.zip", &one)], &[]),
            gzip(&tar(&both)),
            tar(&both),
            one,
        ]
    },
    words: &[
        "../",
        "/",
        "server.py",
        "client.py",
        "PK\u{3}\u{4}",
        "PK\u{1}\u{2}",
        "PK\u{5}\u{6}",
        "ustar",
        "\\",
        "grades.csv",
    ],
};
