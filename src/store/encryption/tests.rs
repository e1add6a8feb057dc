//! Tests of encrypting single values and of keys; `stored` tests them in a database.

mod stored;

use super::*;

fn keys(text: &str) -> MasterKeys {
    text.parse().expect("keys")
}

fn encryption(text: &str) -> Encryption {
    Encryption { keys: keys(text), strict: false }
}

fn place<'a>(session: &'a [u8; 16], key: &'a [u8]) -> AssociatedData<'a> {
    AssociatedData::record(session, 3, key)
}

#[test]
fn a_value_is_decrypted_only_in_its_own_place() {
    let encryption = encryption(&new_master_key());
    let (session, other) = ([1; 16], [2; 16]);
    let sealed = encryption.encrypt(&place(&session, b"key"), b"a private key".to_vec());
    assert_eq!(encryption.decrypt(&place(&session, b"key"), sealed.clone()).expect("opens"), b"a private key");
    for elsewhere in [
        place(&other, b"key"),
        place(&session, b"yek"),
        place(&session, b""),
        AssociatedData::record(&session, 4, b"key"),
        AssociatedData::secret(&session, b"key"),
        AssociatedData::token(&session, "key"),
    ] {
        assert_eq!(encryption.decrypt_marked(&elsewhere, sealed.clone()), Err(DecryptError::Changed));
    }
}

#[test]
fn an_encrypted_value_reveals_nothing_and_differs_each_time() {
    let encryption = encryption(&new_master_key());
    let seal = || encryption.encrypt(&place(&[1; 16], b"key"), b"a private key".to_vec());
    let (once, again) = (seal(), seal());
    assert_ne!(once, again);
    assert!(!once.windows(4).any(|window| b"a private key".windows(4).any(|part| part == window)));
    assert_eq!(seal().len(), b"a private key".len() + 44);
}

#[test]
fn a_value_that_was_changed_or_cut_anywhere_does_not_open() {
    let encryption = encryption(&new_master_key());
    let place = place(&[1; 16], b"key");
    let sealed = encryption.encrypt(&place, b"a private key".to_vec());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        // A value without the prefix counts as plain text, unless plain text is rejected. So does one with another
        // prefix.
        let strict = Encryption { strict: true, ..encryption.clone() };
        assert!(strict.decrypt_marked(&place, changed.clone()).is_err(), "byte {at}");
        assert!(at <= MARK.len() || encryption.decrypt_marked(&place, changed).is_err(), "byte {at}");
        assert!(at < MARK.len() || encryption.decrypt_marked(&place, sealed[..at].to_vec()).is_err(), "cut to {at}");
    }
}

#[test]
fn a_plain_value_that_looks_encrypted_is_read_unchanged() {
    let (encryption, plain) = (encryption(&new_master_key()), Encryption::default());
    let place = place(&[1; 16], b"key");
    let sealed = encryption.encrypt(&place, b"a private key".to_vec());
    for value in [sealed, MARK.to_vec(), header(None), [MARK.as_slice(), &[MARKED_ENCRYPTED]].concat(), Vec::new()] {
        let stored = plain.encrypt(&place, value.clone());
        assert_eq!(key_of(&stored), None);
        assert_eq!(plain.decrypt_marked(&place, stored.clone()), Ok(value.clone()));
        assert_eq!(encryption.decrypt_marked(&place, stored), Ok(value.clone()), "as stored without a key");
        assert_eq!(encryption.decrypt_marked(&place, encryption.encrypt(&place, value.clone())), Ok(value));
    }
}

#[test]
fn unencrypted_values_are_read_only_where_allowed() {
    let encryption = encryption(&new_master_key());
    let strict = Encryption { strict: true, ..encryption.clone() };
    let place = place(&[1; 16], b"key");
    for value in [b"in plain".to_vec(), MARK.to_vec()] {
        let stored = Encryption::default().encrypt(&place, value.clone());
        assert_eq!(encryption.decrypt_marked(&place, stored.clone()), Ok(value));
        assert_eq!(strict.decrypt_marked(&place, stored), Err(DecryptError::Plain));
    }
}

#[test]
fn the_first_key_encrypts_and_all_keys_decrypt() {
    let (new, old) = (new_master_key(), new_master_key());
    let place = place(&[1; 16], b"key");
    let of_old = encryption(&old).encrypt(&place, b"old".to_vec());
    let both = encryption(&format!("{new},{old}"));
    assert_eq!(both.decrypt_marked(&place, of_old.clone()), Ok(b"old".to_vec()));
    let of_both = both.encrypt(&place, b"new".to_vec());
    assert_eq!(encryption(&new).decrypt_marked(&place, of_both.clone()), Ok(b"new".to_vec()));
    let id = keys(&old).encryption_key().expect("an id");
    assert_eq!(encryption(&new).decrypt_marked(&place, of_old.clone()), Err(DecryptError::WithoutKey(id)));
    let back = encryption(&format!("plain {new} {old}"));
    assert_eq!(back.keys.encryption_key(), None);
    assert_eq!(back.encrypt(&place, b"in plain".to_vec()), b"in plain");
    assert_eq!(back.decrypt_marked(&place, of_both), Ok(b"new".to_vec()));
}

#[test]
fn keys_are_read_from_lines_and_from_words() {
    let (one, two) = (new_master_key(), new_master_key());
    let both = [&one, &two].map(|key| keys(key).encryption_key().expect("an id"));
    for text in [
        format!("{one},{two}"),
        format!("{one} {two}\n"),
        format!("# of May\r\n{one}\r\n\r\n  # of April\n\t{two}"),
        format!("{one},\n,{two},"),
    ] {
        assert_eq!(keys(&text).ids().collect::<Vec<_>>(), both, "{text}");
    }
    assert_eq!(
        keys("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").encryption_key().expect("an id").to_string().len(),
        16
    );
}

#[test]
fn an_invalid_key_is_rejected_without_printing_it() {
    let key = new_master_key();
    for (text, wanted) in [
        (String::new(), MasterKeyError::None),
        ("# nothing\n".into(), MasterKeyError::None),
        ("plain".into(), MasterKeyError::None),
        (key[..40].into(), MasterKeyError::Malformed(1)),
        (format!("{key}\n{key}AAAA"), MasterKeyError::Malformed(2)),
        ("hunter2".into(), MasterKeyError::Malformed(1)),
        (format!("{key} plain"), MasterKeyError::Plain),
        (format!("plain {key} plain"), MasterKeyError::Plain),
    ] {
        let refused = text.parse::<MasterKeys>().expect_err("no keys");
        let told = format!("{refused} {refused:?}");
        assert_eq!(refused, wanted, "{text}");
        assert!(!told.contains("hunter2") && !told.contains(&key[..8]), "{told}");
    }
    assert!(!format!("{:?}", keys(&key)).contains(&key[..8]));
}

#[test]
fn an_id_reads_back_from_text() {
    let id = keys(&new_master_key()).encryption_key().expect("an id");
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in ["", "0", "g000000000000000", "+000000000000000", "00000000000000000", "ABCDEF0000000000"] {
        assert!(text.parse::<MasterKeyId>().is_err(), "{text}");
    }
}
