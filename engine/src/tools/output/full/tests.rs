#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn written(place: &Place, pieces: &[&[u8]]) -> io::Result<PathBuf> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let full = Full::start(place, Stream::Stdout);
        for piece in pieces {
            full.push(piece.to_vec()).await;
        }
        full.finish().await
    })
}

#[test]
fn each_attempt_has_a_file_that_is_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(&folder.path().join("runs.db"), "../p/1", "a[0].b/c", None);
    let names: Vec<String> = [&[&b"a\xc3"[..], b"\xa9"][..], &[b"b"]]
        .iter()
        .map(|pieces| written(&place, pieces).unwrap().strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    let at = "output/_.._p_1/a[0].b_c";
    assert_eq!(names, [format!("{at}.stdout.txt"), format!("{at}.2.stdout.txt")]);
    assert_eq!(fs::read_to_string(folder.path().join(&names[0])).unwrap(), "aé");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&names[0]), mode("output/_.._p_1")), (0o600, 0o700));
    }
    remove(&folder.path().join("runs.db"), "../p/1").unwrap();
    assert_eq!(fs::read_dir(folder.path().join("output")).unwrap().count(), 0);
    remove(&folder.path().join("runs.db"), "../p/1").unwrap();
}

#[test]
fn what_must_not_be_kept_is_taken_out_also_where_it_comes_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    // It knows what is certain at the end alone.
    let cleaner = Cleaner::new(|| {
        let mut held = String::new();
        Box::new(move |text| match text {
            Some(text) => {
                held.push_str(text);
                String::new()
            }
            None => held.replace("secret", "[x]"),
        })
    });
    let place = Place::new(&folder.path().join("runs.db"), "r", "s", Some(cleaner));
    let path = written(&place, &[b"a sec", b"ret b"]).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "a [x] b");
}

#[test]
fn a_file_takes_so_much_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let mut file = Limited { file: BufWriter::new(File::create(&path).unwrap()), room: 4, left_out: 0 };
    for text in ["abc", "é", "x"] {
        file.add(text).unwrap();
    }
    file.close().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "abc\n[3 bytes left out]\n");
}

#[test]
fn why_there_is_no_file_is_known() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("output"), "").unwrap();
    let place = Place::new(&folder.path().join("runs.db"), "r", "s", None);
    let pieces = vec![&b"x"[..]; 3 * WAITING];
    written(&place, &pieces).unwrap_err();
}
