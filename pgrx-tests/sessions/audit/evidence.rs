//! What is kept outside the database and what is taken out of it: checkpoints, proofs, exports.

use super::super::cluster::{Database, sqlstate};
use super::{PERSON, consent_log, count, faults, write};
use postgres::Client;

#[test]
fn a_checkpoint_kept_outside_catches_a_rewritten_chain_and_a_cut_tail() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 9);
    let body: String = client
        .query_one("SELECT community_core.audit_checkpoint()", &[])
        .expect("body")
        .get(0);
    assert!(
        body.starts_with("founders/consent_audit_log\n9\n"),
        "{body}"
    );
    let (note, vkey) = signed("example.org", &body);
    let check = |client: &mut Client| -> Vec<String> {
        client
            .query(
                "SELECT fault FROM community_core.verify_checkpoint($1, $2)",
                &[&note, &vkey],
            )
            .expect("verify the checkpoint")
            .iter()
            .map(|row| row.get(0))
            .collect()
    };
    assert_eq!(check(&mut client), Vec::<String>::new());
    write(&mut client, PERSON, 5);
    assert_eq!(check(&mut client), Vec::<String>::new());

    // Cutting the tail with heads and all: nothing inside the database can tell.
    let rebuild = |keep: &str| {
        format!(
            "BEGIN;
             CREATE TEMP TABLE kept AS SELECT * FROM founders.consent_audit_log WHERE {keep};
             DROP TABLE founders.consent_audit_log_seal, founders.consent_audit_log_head,
                        founders.consent_audit_log_erasure;
             ALTER TABLE founders.consent_audit_log DISABLE TRIGGER USER;
             DELETE FROM founders.consent_audit_log;
             INSERT INTO founders.consent_audit_log SELECT * FROM kept;
             SELECT community_core.create_audit_log('founders.consent_audit_log',
                        erasable => '{{user_id,ip_address,user_agent}}');"
        )
    };
    client
        .batch_execute(&rebuild("ip_address < '10.0.0.4'"))
        .expect("cut");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(check(&mut client), ["truncated tail"]);
    client.batch_execute("ROLLBACK").expect("rollback");
    client.batch_execute(&rebuild("true")).expect("rewrite");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(check(&mut client), ["wrong root"]);
    client.batch_execute("ROLLBACK").expect("rollback");
    assert_eq!(check(&mut client), Vec::<String>::new());

    let forged = note.replace("\n9\n", "\n8\n");
    let verify = "SELECT * FROM community_core.verify_checkpoint($1, $2)";
    assert_eq!(sqlstate(client.query(verify, &[&forged, &vkey])), "28000");
    assert_eq!(sqlstate(client.query(verify, &[&body, &vkey])), "22023");
}

/// Signs a text as C2SP's signed-note says.
pub fn signed(name: &str, text: &str) -> (String, String) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signer, SigningKey};
    use sha2::{Digest, Sha256};
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = [&[1][..], key.verifying_key().as_bytes()].concat();
    let id = Sha256::digest([name.as_bytes(), b"\n", &public].concat())[..4].to_vec();
    let signature = [&id[..], &key.sign(text.as_bytes()).to_bytes()].concat();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let note = format!("{text}\n— {name} {}\n", STANDARD.encode(signature));
    (note, format!("{name}+{hex}+{}", STANDARD.encode(public)))
}

#[test]
fn every_entry_of_every_chain_has_a_proof_that_holds() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id integer PRIMARY KEY, org integer);
             SELECT community_core.create_audit_log('log', '{org}');
             INSERT INTO log SELECT i, i % 3 FROM generate_series(1, 40) i;",
        )
        .expect("write");
    let held = "SELECT count(*) FILTER (WHERE community_core.verify_inclusion(
                           leaf, leaf_index, tree_size, root, path))
                FROM log, community_core.audit_inclusion_proof('log', log.id::text)";
    assert_eq!(count(&mut client, held), 40);
    let held = "SELECT count(*) FILTER (WHERE community_core.verify_consistency(
                           old_size, new_size, old_root, new_root, path))
                FROM generate_series(0, 13) old,
                     community_core.audit_consistency_proof('log', old, NULL, '2')";
    assert_eq!(count(&mut client, held), 14);
    let text: String = client
        .query_one("SELECT community_core.audit_checkpoint()", &[])
        .expect("checkpoint")
        .get(0);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.starts_with("community_core/"), "{text}");
    let (note, vkey) = signed("example.org", &text);
    let verify = "SELECT * FROM community_core.verify_checkpoint($1, $2)";
    assert!(
        client
            .query(verify, &[&note, &vkey])
            .expect("verify")
            .is_empty()
    );
}

/// Runs the program that a legal reviewer runs: its exit status and what it says.
fn review(export: &str, arguments: &[&str]) -> (i32, String) {
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/verify_export/verify_export.py"
    );
    let file = std::env::temp_dir().join(format!(
        "{:x}.jsonl",
        export.len() ^ export.as_ptr() as usize
    ));
    std::fs::write(&file, export).expect("write the export");
    let output = std::process::Command::new("python3")
        .arg(program)
        .arg(&file)
        .args(arguments)
        .output()
        .expect("run python3");
    std::fs::remove_file(&file).expect("remove the export");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn export(client: &mut Client, arguments: &str) -> String {
    client
        .query(
            &format!("SELECT community_core.export_audit({arguments})"),
            &[],
        )
        .expect("export")
        .iter()
        .map(|row| row.get::<_, String>(0) + "\n")
        .collect()
}

#[test]
fn an_export_is_checked_without_postgres() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id integer PRIMARY KEY, org text, person uuid, d numeric, j jsonb,
                               a text[], at timestamptz, r int4range);
             SELECT community_core.create_audit_log('log', '{org}', '{person,j}');
             INSERT INTO log SELECT i, 'org ' || i % 3, md5((i % 5)::text)::uuid, i / 7.0,
                 jsonb_build_object('n', i / 8.0, 'ü', array[i, NULL], 'b', i > 3),
                 array['x', NULL, i::text], '2026-01-01'::timestamptz + i * interval '1 hour',
                 int4range(i, i + 5)
             FROM generate_series(1, 2500) i;
             SELECT community_core.erase_audit_subject(md5('3')::uuid);
             INSERT INTO log (id) VALUES (0)",
        )
        .expect("write");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    if std::process::Command::new("python3")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: python3 is not there");
        return;
    }
    let whole = export(&mut client, "'log'");
    assert_eq!(
        review(&whole, &[]),
        (0, "2504 entries in 4 chains: intact\n".to_owned())
    );
    let part = export(&mut client, "'log', 'org%201', 100");
    assert_eq!(review(&part, &[]).0, 0, "{}", review(&part, &[]).1);

    let checkpoint: String = client
        .query_one("SELECT community_core.audit_checkpoint()", &[])
        .expect("body")
        .get(0);
    let note = database
        .cluster
        .directory
        .join(format!("{}.note", database.name));
    std::fs::write(&note, checkpoint).expect("write the note");
    let note = note.display().to_string();
    let (status, said) = review(&whole, &["--checkpoint", &note]);
    assert_eq!((status, said.contains("4 of 4 trees")), (0, true), "{said}");

    // What a forger might do to the file.
    let lines: Vec<&str> = whole.lines().collect();
    let without: String = lines
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 7)
        .map(|(_, l)| format!("{l}\n"))
        .collect();
    assert_eq!(review(&without, &[]).0, 1);
    let cut: String = lines[..lines.len() - 1]
        .iter()
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(review(&cut, &[]).0, 1);
    let swapped = whole.replacen("\"sequence\":5,", "\"sequence\":6,", 1);
    assert_eq!(review(&swapped, &[]).0, 1);
    let entry = lines[9].find("\"entry\":\"").expect("an entry") + 40;
    let mut changed = lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    let digit = if &lines[9][entry..=entry] == "0" {
        "1"
    } else {
        "0"
    };
    changed[9].replace_range(entry..=entry, digit);
    assert_eq!(review(&(changed.join("\n") + "\n"), &[]).0, 1);
    assert_eq!(review("{}\n", &[]).0, 2);

    // What a superuser might do to the log.
    client
        .batch_execute(
            "ALTER TABLE log DISABLE TRIGGER USER; UPDATE log SET d = 0 WHERE id = 17;
             DELETE FROM log WHERE id = 18",
        )
        .expect("tamper");
    let (status, said) = review(&export(&mut client, "'log'"), &[]);
    assert_eq!(status, 1);
    assert_eq!(said.lines().count(), 3, "{said}");
}
