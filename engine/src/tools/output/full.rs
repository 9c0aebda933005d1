//! The whole of an output that is too long for the result: in a file of its own beside the store.
//!
//! Nothing is made until something would be lost. From then on a thread writes, so that who runs the
//! command never waits for the disk but by back-pressure, and memory stays flat.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{Cleaner, Decoder, Stream};

/// The most that is written of one stream. What runs wild does not fill the disk.
const MOST: u64 = 4 << 30;

/// How many pieces may wait for the disk.
const WAITING: usize = 16;

/// How long the step's part of a file's name may be.
const LONGEST_NAME: usize = 120;

/// Where the files of a step go.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    step: String,
    cleaner: Option<Cleaner>,
}

impl Place {
    /// Beside the store in `store`, for the step `step` of `run_id`. `cleaner` takes out what must not be
    /// kept.
    pub(crate) fn new(store: &Path, run_id: &str, step: &str, cleaner: Option<Cleaner>) -> Self {
        Self { folder: folder(store, run_id), step: step.to_owned(), cleaner }
    }

    /// A new file; a number tells the attempts of a step apart.
    fn create(&self, stream: Stream) -> io::Result<(PathBuf, File)> {
        make_private(&self.folder)?;
        let stream = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
            Stream::Model => "model",
        };
        let step: String = file_name(&self.step).chars().take(LONGEST_NAME).collect();
        let mut number = 1;
        loop {
            let nth = if number == 1 { String::new() } else { format!(".{number}") };
            let path = self.folder.join(format!("{step}{nth}.{stream}.txt"));
            match private().open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// One stream on its way into a file.
#[derive(Debug)]
pub(crate) struct Full {
    pieces: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<io::Result<PathBuf>>,
}

impl Full {
    /// Starts a file. Its writer ends with this value.
    pub(crate) fn start(place: &Place, stream: Stream) -> Self {
        let (pieces, inbox) = mpsc::channel(WAITING);
        let place = place.clone();
        let writer = tokio::task::spawn_blocking(move || write(&place, stream, inbox));
        Self { pieces, writer }
    }

    /// Takes the next bytes; waits while too much is on its way.
    pub(crate) async fn push(&self, bytes: Vec<u8>) {
        // A writer that has ended says why in the end.
        let _ = self.pieces.send(bytes).await;
    }

    /// The file, once all is in it; or why it is not.
    pub(crate) async fn finish(self) -> io::Result<PathBuf> {
        drop(self.pieces);
        self.writer.await.map_err(io::Error::other)?
    }
}

fn write(place: &Place, stream: Stream, mut inbox: mpsc::Receiver<Vec<u8>>) -> io::Result<PathBuf> {
    let (path, file) = place.create(stream)?;
    let mut file = Limited { file: BufWriter::new(file), room: MOST, left_out: 0 };
    let mut clean = place.cleaner.as_ref().map(Cleaner::start);
    let mut cleaned = |text: String| match &mut clean {
        Some(clean) => clean(Some(&text)),
        None => text,
    };
    let mut decoder = Decoder::default();
    while let Some(bytes) = inbox.blocking_recv() {
        file.add(&cleaned(decoder.push(&bytes)))?;
    }
    file.add(&cleaned(decoder.finish()))?;
    if let Some(clean) = &mut clean {
        file.add(&clean(None))?;
    }
    file.close()?;
    Ok(path)
}

/// A file that takes so much and no more.
struct Limited {
    file: BufWriter<File>,
    room: u64,
    left_out: u64,
}

impl Limited {
    fn add(&mut self, text: &str) -> io::Result<()> {
        let mut end = usize::try_from(self.room).unwrap_or(usize::MAX).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // After something was left out, nothing follows that would seem to belong to it.
        if self.left_out > 0 {
            end = 0;
        }
        self.file.write_all(&text.as_bytes()[..end])?;
        self.room -= end as u64;
        self.left_out += (text.len() - end) as u64;
        Ok(())
    }

    fn close(mut self) -> io::Result<()> {
        if self.left_out > 0 {
            write!(self.file, "\n[{} bytes left out]\n", self.left_out)?;
        }
        self.file.flush()
    }
}

/// Removes the files of a run that is removed from the store in `store`. That there are none is fine.
pub fn remove(store: &Path, run_id: &str) -> io::Result<()> {
    match fs::remove_dir_all(folder(store, run_id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn folder(store: &Path, run_id: &str) -> PathBuf {
    store.with_file_name("output").join(file_name(run_id))
}

/// `text` as the name of a file that lies where it was put: no separator, no way up.
fn file_name(text: &str) -> String {
    let name: String = text.chars().map(|c| if c.is_alphanumeric() || "-_.[]".contains(c) { c } else { '_' }).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests;
