//! Standard input and output without threads of their own, where the platform and the kind of channel
//! allow it: each message would wake two of them, and that costs more than a hover.

use std::{io::Result, pin::Pin};

use tokio::io::{AsyncRead, AsyncWrite};

/// Reads what the editor sends.
pub(crate) type Input = Pin<Box<dyn AsyncRead>>;
/// Takes what the editor is sent.
pub(crate) type Output = Pin<Box<dyn AsyncWrite>>;

/// Standard input and output. Call it inside the runtime.
pub(crate) fn open() -> Result<(Input, Output)> {
    #[cfg(unix)]
    {
        let (input, output) = (unix::input()?, unix::output()?);
        let threaded: (Input, Output) = (Box::pin(tokio::io::stdin()), Box::pin(tokio::io::stdout()));
        Ok((input.unwrap_or(threaded.0), output.unwrap_or(threaded.1)))
    }
    #[cfg(not(unix))]
    Ok((Box::pin(tokio::io::stdin()), Box::pin(tokio::io::stdout())))
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::File,
        io::Result,
        os::{
            fd::AsFd,
            unix::{
                fs::{FileTypeExt, MetadataExt},
                net::UnixStream,
            },
        },
    };

    use tokio::net::unix::pipe;

    use super::{Input, Output};

    /// Nothing for what is neither pipe nor socket, e.g. a terminal or a file.
    pub(super) fn input() -> Result<Option<Input>> {
        let file = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let kind = file.metadata()?.file_type();
        Ok(if kind.is_fifo() {
            Some(Box::pin(pipe::Receiver::from_file(file)?))
        } else if kind.is_socket() {
            Some(Box::pin(stream(file)?))
        } else {
            None
        })
    }

    /// Nothing either for what is standard error as well: whoever writes there does not expect to be
    /// told to wait.
    pub(super) fn output() -> Result<Option<Output>> {
        let file = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
        let errors = File::from(std::io::stderr().as_fd().try_clone_to_owned()?).metadata()?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) == (errors.dev(), errors.ino()) {
            return Ok(None);
        }
        Ok(if metadata.file_type().is_fifo() {
            Some(Box::pin(pipe::Sender::from_file(file)?))
        } else if metadata.file_type().is_socket() {
            Some(Box::pin(stream(file)?))
        } else {
            None
        })
    }

    fn stream(file: File) -> Result<tokio::net::UnixStream> {
        let stream = UnixStream::from(std::os::fd::OwnedFd::from(file));
        stream.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(stream)
    }
}
