//! The root key file: who may read it, and that it is never overwritten.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use fieldseal_envelope::{DataKey, Purpose, RootKey, RootKeyFile, WrapContext};
use fieldseal_keys::{KeyProvider, LocalProvider, ProviderError, RootFileError};

use crate::doubles::domain;

fn context(purpose: Purpose) -> WrapContext {
    WrapContext {
        deployment: "shop-eu".to_owned(),
        domain: domain("contact"),
        purpose,
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_one_process_wraps_another_unwraps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let made = LocalProvider::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);

    let key = DataKey::generate().unwrap();
    let wrapped = made.wrap(&context(Purpose::Seal), &key).await.unwrap();
    assert_eq!(wrapped.len(), 77);
    let opened = LocalProvider::open(&path).unwrap();
    assert_eq!(opened.wrapping_keys(), made.wrapping_keys());
    let name = &opened.wrapping_keys()[0];
    assert!(name.as_str().starts_with("local:") && name.as_str().len() == 38);
    let back = opened.unwrap(&context(Purpose::Seal), name, &wrapped).await;
    assert!(back.ok().unwrap().expose() == key.expose());

    let other = opened
        .unwrap(&context(Purpose::Value), name, &wrapped)
        .await;
    assert!(matches!(other.err(), Some(ProviderError::Invalid { .. })));
    let stranger = "local:00".parse().unwrap();
    let unknown = opened
        .unwrap(&context(Purpose::Seal), &stranger, &wrapped)
        .await;
    assert!(matches!(unknown.err(), Some(ProviderError::Invalid { .. })));
}

#[tokio::test]
async fn the_first_key_wraps_and_all_unwrap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let old = RootKeyFile::new(RootKey::generate().unwrap());
    write(&path, &old.format(), 0o600);
    let before = LocalProvider::open(&path).unwrap();
    let key = DataKey::generate().unwrap();
    let wrapped = before.wrap(&context(Purpose::Seal), &key).await.unwrap();

    let both = old.with_first(RootKey::generate().unwrap());
    write(&path, &both.format(), 0o600);
    let after = LocalProvider::open(&path).unwrap();
    assert_eq!(after.wrapping_keys()[1], before.wrapping_keys()[0]);
    let second = &after.wrapping_keys()[1];
    assert!(
        after
            .unwrap(&context(Purpose::Seal), second, &wrapped)
            .await
            .is_ok()
    );
    let rewrapped = after.wrap(&context(Purpose::Seal), &key).await.unwrap();
    let first = &after.wrapping_keys()[0];
    assert!(
        after
            .unwrap(&context(Purpose::Seal), first, &rewrapped)
            .await
            .is_ok()
    );
    // The name decides, not the root id inside the wrap.
    assert!(
        after
            .unwrap(&context(Purpose::Seal), first, &wrapped)
            .await
            .is_err()
    );
}

#[test]
fn nothing_is_ever_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    LocalProvider::create(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let error = LocalProvider::create(&path).err();
    assert!(matches!(error, Some(RootFileError::Exists { .. })));
    assert!(fs::read(&path).unwrap() == before);

    // Nor is a link followed to make the file somewhere else.
    let (link, aim) = (folder.path().join("link"), folder.path().join("aim"));
    symlink(&aim, &link).unwrap();
    let error = LocalProvider::create(&link).err();
    assert!(matches!(error, Some(RootFileError::Exists { .. })));
    assert!(!aim.exists());
}

#[test]
fn a_file_that_others_may_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let text = RootKeyFile::new(RootKey::generate().unwrap()).format();
    for mode in [0o604, 0o602, 0o601, 0o640, 0o620, 0o610, 0o644, 0o666] {
        write(&path, &text, mode);
        let error = LocalProvider::open(&path).err();
        let refused = matches!(error, Some(RootFileError::Mode { mode: m, .. }) if m == mode);
        assert!(refused, "mode {mode:o}");
    }
    for mode in [0o600, 0o400, 0o700] {
        write(&path, &text, mode);
        assert!(LocalProvider::open(&path).is_ok(), "mode {mode:o}");
    }
}

#[test]
fn only_a_regular_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("root"), folder.path().join("link"));
    LocalProvider::create(&path).unwrap();
    symlink(&path, &link).unwrap();
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for odd in [
        link.as_path(),
        pipe.as_path(),
        folder.path(),
        Path::new("/dev/null"),
    ] {
        let error = LocalProvider::open(odd).err();
        let refused = matches!(error, Some(RootFileError::NotRegular { .. }));
        assert!(refused, "{}", odd.display());
    }
    let missing = LocalProvider::open(&folder.path().join("none")).err();
    assert!(matches!(missing, Some(RootFileError::Io { .. })));
}

#[test]
fn a_file_of_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    LocalProvider::create(&path).unwrap();
    let nobody = 65_534;
    if std::os::unix::fs::chown(&path, Some(nobody), None).is_ok() {
        let error = LocalProvider::open(&path).err();
        assert!(matches!(error, Some(RootFileError::Owner { owner, .. }) if owner == nobody));
    } else {
        // Only root may give files away; the mode bits then stand between the two users.
        let user = rustix::process::geteuid().as_raw();
        assert_ne!(user, 0, "root could not change the owner");
    }
}

#[test]
fn the_text_is_checked_and_its_errors_hold_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let text = RootKeyFile::new(RootKey::from_bytes([0x5a; 32])).format();
    let broken = text.replacen("5a5a", "5b5a", 1);
    let long = "x".repeat(64 * 1024 + 1);
    for bad in [
        "",
        "fieldseal-root 1\n",
        "fieldseal-root 2\n",
        &broken,
        &long,
    ] {
        write(&path, bad, 0o600);
        let error = LocalProvider::open(&path).err().unwrap();
        assert!(matches!(error, RootFileError::Text { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("5a5a"), "{error}");
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    let error = LocalProvider::open(&path).err().unwrap();
    assert!(error.to_string().contains("UTF-8"), "{error}");
}
