//! Classes as learning systems give them out, with all that goes wrong in real ones: who is who, what is unpacked, and
//! what goes back.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
const SERVER: &str = include_str!("programs/good_server.py");
const CLIENT: &str = include_str!("programs/good_client.py");
/// A byte order mark and CR LF, as editors on Windows write them.
const MARK: &str = "\u{feff}";

/// A folder with a download, a small suite, and room for results.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With a suite of three transcripts, so that grading takes little time.
    fn with_suite(self) -> Place {
        for transcript in [
            "server/registration/new-name.chat",
            "client/registration/first-words.chat",
            "pair/talking/two-by-turns.chat",
        ] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
            let to = self.path("suite").join(transcript);
            fs::create_dir_all(to.parent().expect("has one")).expect("is made");
            fs::copy(from.join(transcript), &to).expect(transcript);
        }
        self
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().expect("has one")).expect("is made");
        fs::write(file, bytes).expect("is written");
    }

    fn conform(&self, words: &[&str]) -> Output {
        let mut command = Command::new(CONFORM);
        command.current_dir(self.folder.path()).arg("grade");
        command.args(words).stdin(Stdio::null());
        command.output().expect("conform starts")
    }

    /// The table of who is who.
    fn listed(&self, words: &[&str]) -> String {
        let output = self.conform(&[words, &["--list"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", error(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn graded(&self, words: &[&str], status: i32) -> String {
        let output = self.conform(&[words, &["--suite", "suite"]].concat());
        assert_eq!(output.status.code(), Some(status), "{}", error(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Every file below a folder, with its content.
    fn content(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![self.path(name)];
        while let Some(path) = waiting.pop() {
            if path.is_dir() && !path.is_symlink() {
                let entries = fs::read_dir(path).expect("is read").flatten();
                waiting.extend(entries.map(|entry| entry.path()));
            } else {
                let bytes = fs::read(&path).unwrap_or_default();
                found.insert(path, bytes);
            }
        }
        found
    }
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One line, with single spaces.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, bytes) in files {
        let options = SimpleFileOptions::default();
        match path.strip_suffix('/') {
            Some(folder) => archive.add_directory(folder, options).expect("is added"),
            None => {
                archive.start_file(*path, options).expect("is added");
                archive.write_all(bytes).expect("is added");
            }
        }
    }
    archive.finish().expect("is finished").into_inner()
}

fn tarred(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        // The builder refuses paths that lead out; a stranger's does not.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, *bytes).expect("is added");
    }
    for (path, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive
            .append_link(&mut header, path, target)
            .expect("is added");
    }
    let packed = archive.into_inner().expect("is finished");
    packed.finish().expect("is finished")
}

fn both() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("server.py", SERVER.as_bytes()),
        ("client.py", CLIENT.as_bytes()),
    ]
}

fn archive_in(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(File::open(file).expect("opens")).expect("is an archive");
    let count = archive.len();
    let entries = (0..count).map(|index| {
        let mut entry = archive.by_index(index).expect("is read");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("is read");
        (entry.name().to_owned(), bytes)
    });
    entries.collect()
}

const GRADES: &str = "\u{feff}Assignment 2,Points\r\n\r\n\
    Display ID,ID,Last Name,First Name,grade,Submission date,Late submission\r\n\
    jm5,jm5,\"M\u{fc}ller\",J\u{f6}rg,,\"Oct 19, 2021 11:54 PM\",On time\r\n\
    sob,sob,O'Brien,Si\u{e2}n,\"\",,\r\n\
    gone,gone,Gone,Gil,3,,\r\n\
    bo,bo,Bomb,Bo,,,";

/// A download of Sakai: umlauts decomposed, an apostrophe, an archive with one folder more, a renamed file, a bomb, a
/// path that leads out, and an empty folder.
fn sakai() -> Vec<u8> {
    let mut nested: Vec<(&str, &[u8])> =
        vec![("__MACOSX/lab 3/._server.py", b"x"), ("lab 3/", b"")];
    nested.push(("lab 3/server.py", SERVER.as_bytes()));
    nested.push(("lab 3/client.py", CLIENT.as_bytes()));
    let nested = zipped(&nested);
    let zeros = vec![0; 64 << 20];
    let bomb = zipped(&[("server.py", &zeros)]);
    let out = tarred(
        &[
            ("../../server.py", SERVER.as_bytes()),
            ("client.py", CLIENT.as_bytes()),
        ],
        &[("passwd", "/etc/passwd"), ("inside", "client.py")],
    );
    let windows = SERVER.replace('\n', "\r\n");
    let windows = format!("{MARK}{windows}");
    let root = "Assignment 2/";
    let jm5 = format!("{root}Mu\u{308}ller, Jo\u{308}rg(jm5)");
    let sob = format!("{root}O'Brien, Si\u{e2}n(sob)");
    let files: Vec<(String, &[u8])> = vec![
        (format!("{root}grades.csv"), GRADES.as_bytes()),
        (format!("{jm5}/timestamp.txt"), b"20211019235459000"),
        (format!("{jm5}/Submission attachment(s)/asn2.zip"), &nested),
        (format!("{sob}/timestamp.txt"), b"2021-10-20T12:10:00.123Z"),
        (format!("{sob}/comments.txt"), b"Nice README."),
        (
            format!("{sob}/Submission attachment(s)/server (1).py"),
            windows.as_bytes(),
        ),
        (
            format!("{sob}/Submission attachment(s)/client.py"),
            CLIENT.as_bytes(),
        ),
        (format!("{sob}/Feedback Attachment(s)/old.txt"), b"old"),
        (
            format!("{root}Bomb, Bo(bo)/Submission attachment(s)/b.zip"),
            &bomb,
        ),
        (
            format!("{root}Out, Ola(ola)/Submission attachment(s)/x.tar.gz"),
            &out,
        ),
        (
            format!("{root}Empty, Ed(ed)/Submission attachment(s)/"),
            b"",
        ),
    ];
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), *bytes))
        .collect();
    zipped(&files)
}

#[test]
fn a_download_of_sakai_is_read_with_all_that_goes_wrong() {
    let place = Place::new();
    place.write("class.zip", sakai());
    let output = place.conform(&["class.zip", "--list"]);
    let (told, table) = (error(&output), String::from_utf8_lossy(&output.stdout));
    let table = flat(&table);
    for part in [
        "Recognised: Sakai, 5 submissions.",
        "jm5 jm5 Jörg Müller 2021-10-19 23:54:59 Unpacked asn2.zip. Everything is in the folder asn2/lab 3.",
        "(made by the system)",
        "sob sob Siân O'Brien 2021-10-20 12:10:00 server (1).py is server.py, renamed.",
        "Unpacked x.tar.gz. Everything is in the folder x.",
        "../../server.py (its path leads out of the archive)",
        "x/passwd (a link that leads out of the submission)",
        "Handed in nothing: Gil Gone.",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(
        told.contains("bo: b.zip: It is more than 200 times as large"),
        "{told}"
    );
    assert!(told.contains("not in the roster"), "{told}");
    // The same class, unpacked by the teacher.
    for (path, bytes) in archive_in(&place.path("class.zip")) {
        match path.strip_suffix('/') {
            Some(folder) => {
                fs::create_dir_all(place.path("unpacked").join(folder)).expect("is made")
            }
            None => place.write(&format!("unpacked/{path}"), bytes),
        }
    }
    let before = place.content("unpacked");
    let unpacked = flat(&place.listed(&["unpacked"]));
    let after = |text: &str| {
        text.split_once("Recognised")
            .map(|(_, rest)| rest.to_owned())
    };
    assert_eq!(after(&unpacked), after(&table));
    assert_eq!(place.content("unpacked"), before);
}

#[test]
fn the_other_systems_are_recognised() {
    let place = Place::new();
    let nested = zipped(&both());
    place.write(
        "moodle.zip",
        zipped(&[
            (
                "Ann Lee_12_assignsubmission_file_/server.py",
                SERVER.as_bytes(),
            ),
            ("Bo van Dam_13_assignsubmission_file_hand in.zip", &nested),
            (
                "Cy_14_assignsubmission_onlinetext_onlinetext.html",
                b"sorry",
            ),
        ]),
    );
    place.write(
        "canvas.zip",
        zipped(&[
            ("leeann_101_2001_server.py", b"print('first')"),
            ("leeann_101_2001_server-1.py", SERVER.as_bytes()),
            ("leeann_101_2001_server-2.py", SERVER.as_bytes()),
            ("vandambo_LATE_102_2002_hand_in.zip", &nested),
        ]),
    );
    place.write(
        "brightspace.zip",
        zipped(&[
            ("index.html", b""),
            (
                "9-77 - Ann O'Lee - Oct 18, 2021 905 AM/server.py",
                b"print('first')",
            ),
            (
                "9-77 - Ann O'Lee - Oct 19, 2021 1154 PM/server.py",
                SERVER.as_bytes(),
            ),
            (
                "10-77 - Ann O'Lee - Oct 17, 2021 1154 PM/server.py.txt",
                SERVER.as_bytes(),
            ),
        ]),
    );
    place.write(
        "gradescope/submission_metadata.yml",
        "submission_5:\n  :submitters:\n  - :name: Ann Lee\n    :sid: '0101'\n    :email: al@x.org\n  \
         :created_at: 2021-10-19 23:54:59 Z\n",
    );
    place.write("gradescope/submission_5/server.py", SERVER);
    for login in ["ann-lee", "bo"] {
        place.write(&format!("github/chat-{login}/.git/HEAD"), "ref");
        place.write(&format!("github/chat-{login}/server.py"), SERVER);
    }
    place.write(
        "github/classroom_roster.csv",
        "\"identifier\",\"github_username\",\"github_id\",\"name\"\n\"lee@x.org\",\"Ann-Lee\",\"1\",\"Ann Lee\"\n\"cy@x.org\",\"\",\"\",\"Cy\"\n",
    );
    place.write("folders/ann/server.py", SERVER);
    place.write("folders/bob.zip", zipped(&both()));
    place.write("folders/cyd.tar.gz", tarred(&both(), &[]));
    place.write("folders/dan.rar", b"Rar!\x1a\x07\x01\x00");
    place.write("folders/notes.txt", "");
    fs::create_dir(place.path("folders/eve")).expect("is made");
    std::os::unix::fs::symlink("nowhere", place.path("folders/fay")).expect("a link");
    for (class, parts) in [
        (
            "moodle.zip",
            &[
                "Recognised: Moodle, 3 submissions.",
                "Ann Lee 12 12 Ann Lee",
                "Unpacked hand in.zip.",
                "Cy_14_assignsubmission_onlinetext_onlinetext.html (text typed into the system, no file)",
            ][..],
        ),
        (
            "canvas.zip",
            &[
                "Recognised: Canvas, 2 submissions.",
                "leeann 101 101 leeann server-1.py is server.py, renamed. server-2.py is server.py, renamed.",
                "(replaced by a later upload of the same file)",
                "vandambo 102 102 vandambo Late. Unpacked hand_in.zip.",
            ],
        ),
        (
            "brightspace.zip",
            &[
                "Recognised: Brightspace, 2 submissions.",
                "Ann O'Lee (2)",
                "The try of 2021-10-19 23:54:00 counts; not counted: 2021-10-18 09:05:00.",
                "server.py.txt is server.py, renamed.",
            ],
        ),
        (
            "gradescope",
            &[
                "Recognised: Gradescope, 1 submission.",
                "0101 0101 Ann Lee 2021-10-19 23:54:59",
            ],
        ),
        (
            "github",
            &[
                "Recognised: GitHub Classroom, 2 submissions.",
                "ann-lee lee@x.org Ann Lee",
                "Handed in nothing: Cy.",
            ],
        ),
        (
            "folders",
            &[
                "Recognised: folders, 5 submissions.",
                "bob Unpacked bob.zip. Everything is in the folder bob.",
                "Skipped, nobody's submission: fay, notes.txt.",
            ],
        ),
    ] {
        let table = flat(&place.listed(&[class]));
        for part in parts {
            assert!(table.contains(part), "{class}: {part}: {table}");
        }
    }
    let told = error(&place.conform(&["folders", "--list"]));
    assert!(told.contains("dan: dan.rar is a RAR archive"), "{told}");
    let wrong = place.conform(&["folders", "--list", "--as", "canvas"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(error(&wrong).contains("does not look like a download from Canvas"));
}

#[test]
fn what_is_no_class_is_refused() {
    let place = Place::new();
    place.write("text.zip", "no archive at all");
    place.write("empty.zip", zipped(&[]));
    place.write("cut.zip", &sakai()[..400]);
    place.write("class.7z", b"7z\xbc\xaf\x27\x1c");
    for (class, why) in [
        ("text.zip", "is no archive, or a damaged one"),
        ("empty.zip", "no submission in it"),
        ("cut.zip", "it is damaged"),
        ("class.7z", "is a 7z archive, which cannot be unpacked here"),
        ("missing.zip", "No such file"),
    ] {
        let output = place.conform(&[class, "--list"]);
        assert_eq!(output.status.code(), Some(2), "{class}");
        assert!(error(&output).contains(why), "{class}: {}", error(&output));
    }
}

#[test]
fn marks_go_back_to_sakai_and_nothing_else_changes() {
    let place = Place::new().with_suite();
    place.write("class.zip", sakai());
    let before = fs::read(place.path("class.zip")).expect("is there");
    // A bomb is not judged, so its mark is doubtful.
    let table = place.graded(&["class.zip"], 3);
    let mark = |name: &str| {
        let mut lines = table.lines().filter(|line| line.starts_with(name));
        let line = lines
            .next_back()
            .unwrap_or_else(|| panic!("{name}: {table}"));
        line.split_whitespace().nth(4).map(str::to_owned)
    };
    assert_eq!(mark("jm5"), Some("100".to_owned()), "{table}");
    assert_eq!(mark("sob"), Some("100".to_owned()), "{table}");
    assert_eq!(mark("ola"), Some("35".to_owned()), "{table}");
    assert_eq!(mark("ed "), Some("0".to_owned()), "{table}");
    assert_eq!(fs::read(place.path("class.zip")).expect("is there"), before);
    assert!(!place.path("class-results/.work").exists());
    let csv = fs::read_to_string(place.path("class-results/class.csv")).expect("is there");
    assert!(
        csv.contains("jm5,Jörg Müller,2021-10-19 23:54:59 +00:00,"),
        "{csv}"
    );

    let rubric = fs::read_to_string(place.path("class-results/rubric.toml")).expect("is there");
    let more = "\n[[by_hand]]\nwhat = \"Style\"\npoints = 20\n\
        [late]\ndue = 2021-10-19T23:55:00-04:00\ngrace = 5\nper_day = 0.2\nweekend_as_one = true\nuntil = 2\n";
    place.write("rubric.toml", rubric + more);
    place.write(
        "marks.csv",
        "who,what,points,remark\n\"Müller, Jörg\",Style,12.5,Long functions\nsob,Style,20,\nola,Style,0,\ned,style,0,\n",
    );
    let words = ["--again", "class-results", "--rubric", "rubric.toml"];
    let more = ["--marks", "marks.csv", "--upload", "back.zip"];
    let told = flat(&place.graded(&[&words[..], &more].concat(), 3));
    assert!(
        told.contains("Not in the upload, because the mark is doubtful: bo."),
        "{told}"
    );
    let report = fs::read_to_string(place.path("class-results/jm5/report.html")).expect("is there");
    assert!(report.contains("Long functions"), "{report}");
    let report = fs::read_to_string(place.path("class-results/sob/report.html")).expect("is there");
    assert!(report.contains("one day late (due 2021-10-19 23:55:00 -04:00): 24 points off"));

    let back = archive_in(&place.path("back.zip"));
    let grades = String::from_utf8(back["Assignment 2/grades.csv"].clone()).expect("is text");
    let expected = GRADES
        .replace("J\u{f6}rg,,", "J\u{f6}rg,112.5,")
        .replace("Si\u{e2}n,\"\",", "Si\u{e2}n,\"96\",");
    assert_eq!(grades, expected);
    let names: Vec<&str> = back.keys().map(String::as_str).collect();
    let sob = "Assignment 2/O'Brien, Si\u{e2}n(sob)";
    assert!(
        names.contains(&format!("{sob}/Feedback Attachment(s)/report.html").as_str()),
        "{names:?}"
    );
    let jm5 = "Assignment 2/Mu\u{308}ller, Jo\u{308}rg(jm5)/comments.txt";
    let comment = String::from_utf8_lossy(&back[jm5]).into_owned();
    assert!(
        comment.contains("The server earns 50 of 50 points, the client earns 35 of 35 points, the pair earns 15 of 15 points."),
        "{comment}"
    );
    assert!(
        comment.contains("Nothing costs points. Read report.html"),
        "{comment}"
    );
    let comment = String::from_utf8_lossy(&back[&format!("{sob}/comments.txt")]).into_owned();
    assert!(
        comment.starts_with("Nice README.\n\n-- Automatic feedback --\n"),
        "{comment}"
    );
    // The results keep the marks by hand.
    let again = place.graded(&["--again", "class-results"], 3);
    assert!(again.contains("112.5"), "{again}");
    place.write("marks.csv", "who,what,points\nsob,Style,99\n");
    let wrong = place.conform(&[
        "--again",
        "class-results",
        "--marks",
        "marks.csv",
        "--suite",
        "suite",
    ]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        error(&wrong).contains("marks.csv: line 2: \"99\" is not a number of points from 0 to 20")
    );
}

#[test]
fn marks_go_back_to_the_other_systems() {
    let place = Place::new().with_suite();
    // Nothing can be started, so grading takes no time, and every mark is 0.
    let nothing: &[u8] = b"sorry";
    place.write(
        "moodle.zip",
        zipped(&[
            ("Ann Lee_12_assignsubmission_file_/notes.txt", nothing),
            ("Bo van Dam_13_assignsubmission_file_/notes.txt", nothing),
        ]),
    );
    let worksheet = "\u{feff}Identifier,\"Full name\",Status,Grade,\"Maximum Grade\",\"Feedback comments\"\r\n\
        \"Participant 13\",\"Bo van Dam\",Submitted,,50.00,\r\n\"Participant 12\",\"Ann Lee\",\"Submitted\",,50.00,\"\"\r\n\
        \"Participant 14\",\"Cy\",\"No submission\",,50.00,\r\n";
    place.write("worksheet.csv", worksheet);
    let more = ["--upload", "feedback.zip", "--gradebook", "worksheet.csv"];
    let told = place.graded(&[&["moodle.zip"][..], &more].concat(), 0);
    assert!(flat(&told).contains("marks are scaled"), "{told}");
    let back = fs::read_to_string(place.path("feedback.csv")).expect("is written");
    let comment = "The server earns 0 of 50 points, the client earns 0 of 35 points, the pair earns 0 of 15 points. The server was not judged: ";
    assert!(
        back.contains(&format!("\"Ann Lee\",\"Submitted\",0,50.00,\"{comment}")),
        "{back}"
    );
    assert!(
        back.starts_with("\u{feff}Identifier,\"Full name\",")
            && back.ends_with("\"Cy\",\"No submission\",,50.00,\r\n")
    );
    let names: Vec<String> = archive_in(&place.path("feedback.zip"))
        .into_keys()
        .collect();
    assert_eq!(
        names,
        [
            "Ann Lee_12_assignsubmission_file_/report.html",
            "Bo van Dam_13_assignsubmission_file_/report.html"
        ]
    );

    place.write(
        "canvas.zip",
        zipped(&[("leeann_101_2001_notes.txt", nothing)]),
    );
    let gradebook = "Student,ID,SIS User ID,SIS Login ID,Section,Assignment 1 (7),Assignment 2 (8)\n\
        \"    Points Possible\",,,,,10,100\n\"Lee, Ann\",101,s1,al,A,9.5,\n\"Student, Test\",102,,,A,,\n";
    place.write("gradebook.csv", gradebook);
    let upload = ["--upload", "canvas.csv", "--gradebook", "gradebook.csv"];
    let ambiguous = place.conform(&[&["canvas.zip", "--suite", "suite"][..], &upload].concat());
    assert_eq!(ambiguous.status.code(), Some(2));
    assert!(
        error(&ambiguous).contains("Name one with --item NAME: Assignment 1 (7), Assignment 2 (8)")
    );
    let over = ["--upload", "gradebook.zip", "--gradebook", "gradebook.csv"];
    let refused = place.conform(&[&["--again", "canvas-results"][..], &over].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("would write over a file that it is made from"));
    let again = ["--again", "canvas-results", "--item", "assignment 2"];
    place.graded(&[&again[..], &upload].concat(), 0);
    let back = fs::read_to_string(place.path("canvas.csv")).expect("is written");
    assert_eq!(back, gradebook.replace("A,9.5,\n", "A,9.5,0\n"));

    place.write(
        "d2l.zip",
        zipped(&[("9-77 - Ann O'Lee - Oct 19, 2021 1154 PM/notes.txt", nothing)]),
    );
    place.write("roster.csv", "OrgDefinedId,Name\n#123,Ann O'Lee\n#124,Cy\n");
    let told = place.graded(
        &[
            "d2l.zip",
            "--roster",
            "roster.csv",
            "--upload",
            "d2l.csv",
            "--item",
            "Chat",
        ],
        0,
    );
    assert!(told.contains("Handed in nothing: Cy."), "{told}");
    let back = fs::read_to_string(place.path("d2l.csv")).expect("is written");
    assert_eq!(
        back,
        "OrgDefinedId,Chat Points Grade,End-of-Line Indicator\r\n#123,0,#\r\n"
    );
    let export = "OrgDefinedId,Chat Points Grade <Numeric MaxPoints:10 Weight:10>,End-of-Line Indicator\r\n#124,,#\r\n#123,7,#\r\n";
    place.write("export.csv", export);
    place.graded(
        &[
            "--again",
            "d2l-results",
            "--upload",
            "d2l.csv",
            "--gradebook",
            "export.csv",
        ],
        0,
    );
    let back = fs::read_to_string(place.path("d2l.csv")).expect("is written");
    assert_eq!(back, export.replace("#123,7,#", "#123,0,#"));
}

#[test]
fn what_an_assistant_would_start_is_started() {
    let place = Place::new().with_suite();
    let beside = SERVER.replacen("import ", "open('settings.txt').close()\nimport ", 1);
    let package = "import asyncio\nfrom .chat import main\nasyncio.run(main())\n";
    // It opens a file beside it, in a folder of its own.
    place.write("class/beside/src/server.py", beside);
    place.write("class/beside/src/settings.txt", "");
    place.write("class/beside/doc/README", "");
    // A wrapper, and a script that needs bash.
    place.write("class/wrapped/server.py", SERVER);
    place.write(
        "class/wrapped/server.sh",
        "#!/bin/bash\nexec python3 server.py\n",
    );
    place.write(
        "class/bash/server.sh",
        "#!/bin/bash\n[[ a == a ]] && exec python3 \"${x:-program}.py\"\n",
    );
    place.write("class/bash/program.py", SERVER);
    // A shebang without permission to execute.
    place.write(
        "class/shebang/server",
        format!("#!/usr/bin/env python3\r\n{SERVER}"),
    );
    place.write("class/linked/program.py", SERVER);
    std::os::unix::fs::symlink("program.py", place.path("class/linked/server.py")).expect("a link");
    place.write("class/build-folder/build/server.py", SERVER);
    place.write("class/-dash/server.py", SERVER);
    place.write("class/package/server/__init__.py", "");
    place.write("class/package/server/__main__.py", package);
    let module = SERVER.replace("\nasyncio.run(main())", "");
    place.write("class/package/server/chat.py", module);
    place.write("class/several/server_core.py", SERVER);
    place.write("class/several/server_room.py", "class Room:\n    pass\n");
    place.write(
        "class/made/Makefile",
        "server:\n\tcp program.sh server\n\tchmod +x server\n",
    );
    place.write(
        "class/made/program.sh",
        "#!/bin/sh\nexec python3 program.py\n",
    );
    place.write("class/made/program.py", SERVER);
    std::os::unix::fs::symlink("nowhere", place.path("class/dangling")).expect("a link");
    place.write(
        "class/crash/server.py",
        "raise RuntimeError('no settings')\n",
    );
    let output = place.conform(&["class", "--suite", "suite"]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in [
        "beside",
        "wrapped",
        "bash",
        "shebang",
        "linked",
        "build-folder",
        "-dash",
        "package",
        "several",
        "made",
    ] {
        let mut lines = table
            .lines()
            .filter(|line| line.starts_with(&format!("{name} ")));
        let line = lines.next().unwrap_or_else(|| panic!("{name}: {table}"));
        assert_eq!(line.split_whitespace().nth(1), Some("50"), "{line}");
    }
    let result = |name: &str| {
        let file = place.path("class-results").join(name).join("result.json");
        fs::read_to_string(file).expect("is there")
    };
    assert!(result("several").contains("server_core.py is started, because it listens"));
    assert!(result("wrapped").contains("server.py is started, and not server.sh."));
    assert!(result("made").contains("Built with `make`"));
    let page = fs::read_to_string(place.path("class-results/crash/report.html")).expect("is there");
    assert!(
        page.contains("fix the first error that it prints"),
        "{page}"
    );
    assert!(!page.contains("Bind to port 0"), "{page}");
}
