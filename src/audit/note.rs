//! Signed notes and checkpoints as C2SP specifies them (signed-note, tlog-checkpoint): a text,
//! a blank line, and lines of Ed25519 signatures. Free of Postgres.

use super::hash::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// Why a note, a key or a checkpoint is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Key(&'static str),
    Note(&'static str),
    /// The note has no signature of the key.
    Unsigned,
    /// The note has a signature of the key, and it is of another text.
    Forged,
}

struct Key {
    name: String,
    id: [u8; 4],
    public: VerifyingKey,
}

impl Key {
    /// `<name>+<id in hex>+<base64 of 0x01 and the public key>`
    fn parse(vkey: &str) -> Option<Key> {
        let mut parts = vkey.trim().splitn(3, '+');
        let (name, id, encoded) = (parts.next()?, parts.next()?, parts.next()?);
        let decoded = STANDARD.decode(encoded).ok()?;
        let public: [u8; 32] = decoded.strip_prefix(&[0x01])?.try_into().ok()?;
        let hash = Sha256::new_with_prefix(name)
            .chain_update(b"\n")
            .chain_update(&decoded)
            .finalize();
        let known = u32::from_str_radix(id, 16).ok()?.to_be_bytes();
        let named = !name.is_empty() && !name.contains(char::is_whitespace);
        (named && id.len() == 8 && hash[..4] == known).then_some(())?;
        let public = VerifyingKey::from_bytes(&public).ok()?;
        Some(Key {
            name: name.to_owned(),
            id: known,
            public,
        })
    }
}

/// The text of the note, if the key signed it.
pub fn open<'a>(note: &'a str, vkey: &str) -> Result<&'a str, Refusal> {
    let key = Key::parse(vkey).ok_or(Refusal::Key(
        "it is not <name>+<hash>+<key> of an Ed25519 key",
    ))?;
    if note
        .chars()
        .any(|character| character < ' ' && character != '\n')
    {
        return Err(Refusal::Note("it contains control characters"));
    }
    let split = note
        .rfind("\n\n")
        .ok_or(Refusal::Note("it has no signature block"))?;
    let (text, signatures) = (&note[..split + 1], &note[split + 2..]);
    if !signatures.ends_with('\n') {
        return Err(Refusal::Note("its last line does not end"));
    }
    let mut verdict = Err(Refusal::Unsigned);
    for line in signatures.lines() {
        let malformed = Refusal::Note("a signature line is not — <name> <base64>");
        let (name, encoded) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(malformed)?;
        let decoded = STANDARD
            .decode(encoded)
            .ok()
            .filter(|decoded| decoded.len() > 4)
            .ok_or(Refusal::Note("a signature is not base64"))?;
        let (id, signature) = decoded.split_at(4);
        if name != key.name || id != key.id {
            continue;
        }
        let valid = Signature::from_slice(signature).is_ok_and(|signature| {
            key.public
                .verify_strict(text.as_bytes(), &signature)
                .is_ok()
        });
        if !valid {
            return Err(Refusal::Forged);
        }
        verdict = Ok(text);
    }
    verdict
}

/// The state of a tree, or, in the lines after it, of several.
#[derive(Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    pub extensions: Vec<String>,
}

impl Checkpoint {
    pub fn parse(text: &str) -> Option<Checkpoint> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let size = number(lines.next()?)?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let complete = extensions.iter().all(|line| !line.is_empty());
        complete.then_some(Checkpoint {
            origin,
            size,
            root,
            extensions,
        })
    }
}

impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}\n{}\n{}",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )?;
        self.extensions
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// One tree of several: `<origin> <size> <root>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Tree {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Tree {
    pub fn parse(line: &str) -> Option<Tree> {
        let mut words = line.split(' ');
        let (origin, size, root) = (words.next()?, words.next()?, words.next()?);
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        let tree = Tree {
            origin: origin.to_owned(),
            size: number(size)?,
            root,
        };
        words.next().is_none().then_some(tree)
    }
}

impl std::fmt::Display for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }
}

/// Decimal digits without leading zeros.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits == "0" || !digits.starts_with('0');
    (plain && canonical).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_example_of_a_signed_note_is_accepted() {
        let text = open(NOTE, VKEY).expect("the published note");
        assert!(text.ends_with("what your problem is.\n"));
    }

    #[test]
    fn a_note_of_another_text_or_another_key_is_refused() {
        assert_eq!(
            open(&NOTE.replace("answer", "Answer"), VKEY),
            Err(Refusal::Forged)
        );
        let other = NOTE.replace("— PeterNeumann", "— PeterNewman");
        assert_eq!(open(&other, VKEY), Err(Refusal::Unsigned));
        assert!(matches!(
            open(NOTE, &VKEY.replace("c74f", "c74e")),
            Err(Refusal::Key(_))
        ));
        assert!(matches!(open("text\n", VKEY), Err(Refusal::Note(_))));
    }

    #[test]
    fn a_checkpoint_is_what_it_was_written_as() {
        let tree = Tree {
            origin: "a/b/c".into(),
            size: 7,
            root: [2; 32],
        };
        let checkpoint = Checkpoint {
            origin: "example.com/log".into(),
            size: 1,
            root: [1; 32],
            extensions: vec![tree.to_string()],
        };
        assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Some(checkpoint));
        assert_eq!(Tree::parse(&tree.to_string()), Some(tree));
        assert_eq!(Checkpoint::parse("o\n01\nAA==\n"), None);
    }
}
