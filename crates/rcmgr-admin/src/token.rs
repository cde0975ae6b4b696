//! The secret that a remote operator has to show.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{env, fmt};

use axum::http::HeaderValue;
use subtle::ConstantTimeEq;

/// The environment variable that holds a token: `RCMGR_ADMIN_TOKEN`.
pub const TOKEN_VARIABLE: &str = "RCMGR_ADMIN_TOKEN";

/// The least length of a token, in bytes.
pub(crate) const MIN: usize = 16;

/// The greatest length of a token, in bytes: it has to fit into the head of a request.
const MAX: usize = 1024;

/// A bearer token: 16 to 1024 visible ASCII characters.
///
/// It is sent as it is: over a network that others can read, use a tunnel.
///
/// ```
/// use rcmgr_admin::Token;
///
/// let token: Token = "correct-horse-battery".parse()?;
/// assert_eq!(format!("{token:?}"), "Token(..)");
/// assert!("short".parse::<Token>().is_err());
/// # Ok::<(), rcmgr_admin::InvalidToken>(())
/// ```
#[derive(Clone)]
pub struct Token(Box<str>);

/// What is no token. It says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Too easily guessed.
    #[error("it is shorter than {MIN} bytes; make one with: openssl rand -hex 32")]
    TooShort,
    /// More than fits into the head of a request.
    #[error("it is longer than {MAX} bytes; make one with: openssl rand -hex 32")]
    TooLong,
    /// White space within, a control character, or what is not ASCII.
    #[error(
        "it has white space or characters other than visible ASCII in it; \
         make one with: openssl rand -hex 32"
    )]
    ForbiddenCharacter,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("the token's file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// What the file holds is no token.
    #[error("the token in {}: {error}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: InvalidToken,
    },
    /// What the environment holds is no token.
    #[error("the token in {TOKEN_VARIABLE}: {0}")]
    InEnvironment(InvalidToken),
}

impl Token {
    /// Reads a token from a file; a newline at its end is not a part of it.
    ///
    /// If others than its owner can read the file, a warning is logged.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds no token.
    pub fn from_file(path: &Path) -> Result<Token, TokenError> {
        let text =
            read(path).map_err(|error| TokenError::Unreadable { path: path.to_owned(), error })?;
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Token::new(text).map_err(|error| TokenError::InFile { path: path.to_owned(), error })
    }

    /// Takes the token from [`TOKEN_VARIABLE`]; none if it is not set.
    ///
    /// # Errors
    /// The variable is set and holds no token: also when it is empty, for who meant to set a
    /// token must not go without.
    pub fn from_environment() -> Result<Option<Token>, TokenError> {
        let text = env::var_os(TOKEN_VARIABLE);
        let token = text.map(|text| Token::new(text.as_encoded_bytes())).transpose();
        token.map_err(TokenError::InEnvironment)
    }

    fn new(text: &[u8]) -> Result<Token, InvalidToken> {
        if text.len() < MIN {
            return Err(InvalidToken::TooShort);
        }
        if text.len() > MAX {
            return Err(InvalidToken::TooLong);
        }
        match str::from_utf8(text) {
            Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Token(text.into())),
            _ => Err(InvalidToken::ForbiddenCharacter),
        }
    }

    /// Whether this is what an `Authorization` header shows. How long it takes tells whether the
    /// length was right, and nothing else of the token.
    pub(crate) fn is_shown_by(&self, header: &HeaderValue) -> bool {
        const SCHEME: &[u8] = b"bearer ";
        let Some((scheme, shown)) = header.as_bytes().split_at_checked(SCHEME.len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(SCHEME)
            && bool::from(shown.trim_ascii().ct_eq(self.0.as_bytes()))
    }

    /// The `Authorization` header that shows it.
    pub(crate) fn header(&self) -> HeaderValue {
        let text = format!("Bearer {}", self.0);
        let mut header = HeaderValue::try_from(text).expect("a token is visible ASCII");
        header.set_sensitive(true);
        header
    }
}

impl std::str::FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Token, InvalidToken> {
        Token::new(text.as_bytes())
    }
}

/// The secret stays out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The bytes of a file, as many as tell whether it holds a token.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if let Some(mode) = open_to_others(&file)? {
        tracing::warn!(
            path = %path.display(), mode,
            "others can read the token; take the permission away with: chmod 600"
        );
    }
    let mut text = Vec::new();
    let with_newline = MAX as u64 + 3;
    file.take(with_newline).read_to_end(&mut text)?;
    Ok(text)
}

/// The mode of a file that others than its owner can read.
#[cfg(unix)]
fn open_to_others(file: &File) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt;
    let mode = file.metadata()?.mode() & 0o7777;
    Ok((mode & 0o044 != 0).then(|| format!("{mode:04o}")))
}

#[cfg(not(unix))]
fn open_to_others(_: &File) -> io::Result<Option<String>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TEXT: &str = "0123456789abcdef";

    #[test]
    fn what_is_no_token_says_why() {
        use InvalidToken::*;
        for (text, error) in [
            ("", TooShort),
            ("0123456789abcde", TooShort),
            ("0123456789 abcdef", ForbiddenCharacter),
            ("0123456789abcdef\n", ForbiddenCharacter),
            ("0123456789abcdé", ForbiddenCharacter),
            (&"x".repeat(1025), TooLong),
        ] {
            assert_eq!(text.parse::<Token>().err(), Some(error), "{text:?}");
        }
        assert!("x".repeat(1024).parse::<Token>().is_ok());
    }

    #[test]
    fn a_header_shows_the_token_or_not() {
        let token: Token = TEXT.parse().unwrap();
        for (header, shows) in [
            ("Bearer 0123456789abcdef", true),
            ("bEARER  0123456789abcdef ", true),
            ("Bearer 0123456789abcdeg", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Bearer", false),
            ("Bearer ", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("", false),
        ] {
            assert_eq!(token.is_shown_by(&HeaderValue::from_static(header)), shows, "{header}");
        }
        assert!(token.is_shown_by(&token.header()));
    }

    #[test]
    fn the_newline_at_the_end_of_a_file_is_no_part_of_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for text in [TEXT.into(), format!("{TEXT}\n"), format!("{TEXT}\r\n")] {
            fs::write(&path, text).unwrap();
            assert!(Token::from_file(&path).unwrap().0.as_ref() == TEXT);
        }
        let longest = "x".repeat(1024);
        fs::write(&path, format!("{longest}\r\n")).unwrap();
        assert!(Token::from_file(&path).unwrap().0.as_ref() == longest);
    }

    #[test]
    fn a_file_without_a_token_says_where_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let shown = || Token::from_file(&path).unwrap_err().to_string();
        assert!(shown().starts_with(&format!("the token's file {}: ", path.display())));
        for (text, why) in [
            ("", "shorter"),
            ("0123456789abcdef\n\n", "white space"),
            (&"x".repeat(4 << 20), "longer"),
        ] {
            fs::write(&path, text).unwrap();
            assert!(shown().contains(why), "{}", shown());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_known() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, TEXT).unwrap();
        for (mode, open) in
            [(0o600, None), (0o400, None), (0o640, Some("0640")), (0o604, Some("0604"))]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(open_to_others(&File::open(&path).unwrap()).unwrap().as_deref(), open);
        }
    }
}
