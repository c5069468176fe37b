//! Tokens: who may write what.
//!
//! The file holds digests alone, so that whoever reads it, a backup of it, or its place in a
//! repository can't write. It is read at each use: a token that is taken out is refused at once.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The largest file of tokens, in bytes.
const LARGEST: u64 = 64 * 1024;
/// The most tokens in it.
const MOST: usize = 200;
/// What is written of each.
const FIELDS: [&str; 3] = ["name", "sha256", "scopes"];
/// What is said where no more is known.
const NO_LIST: &str = "it is not a list of `{ name, sha256, scopes }`";

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    /// To ask for an attempt now.
    Look,
    /// To load the configuration anew.
    Reload,
    /// To announce a deployment.
    Announce,
    /// To attest an item.
    Attest,
    /// To waive an item, and to declare maintenance.
    Waive,
    /// To sign a deployment off.
    SignOff,
}

impl Scope {
    /// All that there are.
    const ALL: [Self; 6] =
        [Self::Look, Self::Reload, Self::Announce, Self::Attest, Self::Waive, Self::SignOff];

    /// The word in the file and in answers.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Reload => "reload",
            Self::Announce => "announce",
            Self::Attest => "attest",
            Self::Waive => "waive",
            Self::SignOff => "sign_off",
        }
    }
}

/// One token of the file: `- { name: pipeline, sha256: <hex>, scopes: [look, reload] }`, where
/// `sha256` is what `printf %s "$TOKEN" | sha256sum` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Whose it is; the record keeps it.
    pub(super) name: String,
    digest: [u8; 32],
    scopes: Vec<Scope>,
}

/// A token as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    sha256: String,
    scopes: Vec<Scope>,
}

/// The place of the tokens.
pub(super) struct TokenFile(PathBuf);

impl Token {
    /// Whether it allows this.
    pub(super) fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The token that was presented, if the file knows it.
    ///
    /// # Errors
    /// The file can't be used; a sentence for the log, without what the file says.
    pub(super) async fn find(&self, presented: &str) -> Result<Option<Token>, String> {
        let tokens = self.tokens().await?;
        Ok(matching(&tokens, presented).cloned())
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// It can't; a sentence that says why, without what the file says.
    pub(super) async fn check(&self) -> Result<(), String> {
        self.tokens().await.map(drop)
    }

    async fn tokens(&self) -> Result<Vec<Token>, String> {
        let place = self.0.display();
        self.read().await.map_err(|why| format!("the token file {place} can't be used: {why}"))
    }

    async fn read(&self) -> Result<Vec<Token>, String> {
        let size = tokio::fs::metadata(&self.0).await.map_err(|error| error.to_string())?.len();
        if size > LARGEST {
            return Err(format!("it is larger than {LARGEST} bytes"));
        }
        let text = tokio::fs::read_to_string(&self.0).await.map_err(|error| error.to_string())?;
        parse(&text)
    }
}

fn parse(text: &str) -> Result<Vec<Token>, String> {
    let written: Vec<Written> = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|at| format!(", by its line {}", at.line()));
        let why = diagnosis(text).unwrap_or_else(|| NO_LIST.to_owned());
        format!("{why}{}", line.unwrap_or_default())
    })?;
    if written.len() > MOST {
        return Err(format!("it holds more than {MOST} tokens"));
    }
    let mut tokens = Vec::<Token>::with_capacity(written.len());
    for (entry, Written { name, sha256, scopes }) in (1..).zip(written) {
        let sensible = |c: char| c.is_ascii_graphic();
        if name.is_empty() || name.len() > 100 || !name.chars().all(sensible) {
            return Err(format!(
                "the `name` of its entry {entry} is empty, too long, or not in plain letters"
            ));
        }
        if tokens.iter().any(|known| known.name == name) {
            return Err(format!("the name `{name}` is there twice, again in its entry {entry}"));
        }
        let digest = unhex(&sha256)
            .ok_or_else(|| format!("the sha256 of `{name}` is not 64 hexadecimal digits"))?;
        tokens.push(Token { name, digest, scopes });
    }
    Ok(tokens)
}

/// What is wrong with a file that is no list of tokens, where that can be told. Of its words none is
/// repeated: whoever mistook the file may have written a token into it.
fn diagnosis(text: &str) -> Option<String> {
    let whole: Value = serde_saphyr::from_str(text).ok()?;
    let entries = whole.as_array()?;
    (1..).zip(entries).find_map(|(entry, written)| flaw(written, entry))
}

fn flaw(written: &Value, entry: usize) -> Option<String> {
    let Some(fields) = written.as_object() else {
        return Some(format!("its entry {entry} is not of the form `{{ name, sha256, scopes }}`"));
    };
    if let Some(lacks) = FIELDS.iter().find(|field| !fields.contains_key(**field)) {
        return Some(format!("its entry {entry} lacks `{lacks}`"));
    }
    if fields.len() > FIELDS.len() {
        let known = FIELDS.map(|field| format!("`{field}`")).join(", ");
        return Some(format!("its entry {entry} has another field than {known}"));
    }
    let is_none = |field: &&&str| {
        matches!(fields[**field], Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))
    };
    if let Some(field) = FIELDS[..2].iter().find(is_none) {
        return Some(format!("the `{field}` of its entry {entry} is no text"));
    }
    let known = Scope::ALL.map(Scope::label);
    let Some(scopes) = fields["scopes"].as_array() else {
        return Some(format!("the `scopes` of its entry {entry} are no list, such as `[look]`"));
    };
    let is_known = |scope: &Value| scope.as_str().is_some_and(|scope| known.contains(&scope));
    let strange = scopes.iter().position(|scope| !is_known(scope))?;
    Some(format!(
        "number {} of the `scopes` of its entry {entry} is unknown; known are {}",
        strange + 1,
        known.join(", ")
    ))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Compares with all tokens, to the end: the time tells nothing about any.
fn matching<'t>(tokens: &'t [Token], presented: &str) -> Option<&'t Token> {
    let digest: [u8; 32] = Sha256::digest(presented).into();
    let (mut found, mut at) = (Choice::from(0), 0_u32);
    for (n, token) in (0_u32..).zip(tokens) {
        let same = token.digest.ct_eq(&digest);
        at.conditional_assign(&n, same);
        found |= same;
    }
    let index = usize::try_from(at).ok()?;
    tokens.get(index).filter(|_| bool::from(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
- { name: pipeline, sha256: 3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0, scopes: [look, reload] }
- { name: jo, sha256: 3E23E8160039594A33894F6564E1B1348BBD7A0088D42C4ACB73EEAED59C009D, scopes: [sign_off] }
";

    #[test]
    fn a_token_is_found_by_its_digest_and_has_its_own_scopes() {
        let tokens = parse(FILE).unwrap();
        let pipeline = matching(&tokens, "token").unwrap();
        assert_eq!(pipeline.name, "pipeline");
        assert!(pipeline.allows(Scope::Reload) && !pipeline.allows(Scope::SignOff));
        assert_eq!(matching(&tokens, "b").unwrap().name, "jo");
        for wrong in ["", "Token", "token ", "3c469e9d6c5875d37a43f353d4f88e61"] {
            assert_eq!(matching(&tokens, wrong), None, "{wrong}");
        }
        assert_eq!(matching(&[], "token"), None);
    }

    #[test]
    fn a_file_that_is_not_quite_right_allows_nothing() {
        let digest = "0".repeat(64);
        for wrong in [
            "tokens: []".to_owned(),
            "- { name: a, sha256: abc, scopes: [look] }".to_owned(),
            format!("- {{ name: a, sha256: {}, scopes: [look] }}", "é".repeat(32)),
            format!("- {{ name: a, sha256: \"{digest}\", scopes: [everything] }}"),
            format!("- {{ name: a, sha256: \"{digest}\", scopes: [], token: x }}"),
            format!("- {{ name: a b, sha256: \"{digest}\", scopes: [] }}"),
            format!("- {{ name: a, sha256: \"{digest}\", scopes: [] }}\n").repeat(2),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_entry_and_field_and_never_by_its_words() {
        let digest = "0".repeat(64);
        let good = format!("- {{ name: a, sha256: \"{digest}\", scopes: [look] }}\n");
        let known = "known are look, reload, announce, attest, waive, sign_off";
        for (second, told) in [
            ("secret".to_owned(), "its entry 2 is not of the form `{ name, sha256, scopes }`"),
            ("{ name: secret }".to_owned(), "its entry 2 lacks `sha256`"),
            (format!("{{ name: b, sha256: \"{digest}\" }}"), "its entry 2 lacks `scopes`"),
            (
                format!("{{ name: b, sha256: \"{digest}\", scopes: [], token: secret }}"),
                "its entry 2 has another field than `name`, `sha256`, `scopes`",
            ),
            (
                format!("{{ name: b, sha256: [secret], scopes: [{digest}] }}"),
                "the `sha256` of its entry 2 is no text",
            ),
            (
                format!("{{ name: b, sha256: \"{digest}\", scopes: secret }}"),
                "the `scopes` of its entry 2 are no list, such as `[look]`",
            ),
            (
                format!("{{ name: b, sha256: \"{digest}\", scopes: [look, secret] }}"),
                &*format!("number 2 of the `scopes` of its entry 2 is unknown; {known}"),
            ),
            (
                format!("{{ name: \"\", sha256: \"{digest}\", scopes: [] }}"),
                "the `name` of its entry 2 is empty, too long, or not in plain letters",
            ),
            (
                format!("{{ name: a, sha256: \"{digest}\", scopes: [] }}"),
                "the name `a` is there twice, again in its entry 2",
            ),
        ] {
            let why = parse(&format!("{good}- {second}\n")).unwrap_err();
            let (said, line) = why.split_once(", by its line ").unwrap_or((&why, "2"));
            assert_eq!((said, line), (told, "2"), "{second}");
        }
        assert_eq!(parse("tokens: []").unwrap_err(), format!("{NO_LIST}, by its line 1"));
    }
}
