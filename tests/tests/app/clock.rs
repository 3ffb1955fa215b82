//! The machine's time of day is set back, and forward again, while an application runs. No clock that
//! can be set decides anything here: what was sealed opens, and keys age as fast as ever.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use fieldseal::{Error, Vault};

use crate::key_service::Kms;
use crate::shop::Person;

/// The file whose being there sets the clock back, in `wall_clock.c` too.
const CLOCK: &str = "FIELDSEAL_TEST_CLOCK";

/// What the test calls itself, to run once more in a process whose clock can be set.
const NAME: &str = "clock::a_clock_that_is_set_back_stretches_nothing";

#[tokio::test]
async fn a_clock_that_is_set_back_stretches_nothing() {
    match std::env::var_os(CLOCK) {
        Some(file) => in_a_process_of_its_own(Path::new(&file)).await,
        None => run_again(),
    }
}

/// Runs this test in a process before whose C library `wall_clock.c` is put.
fn run_again() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("wall_clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app/wall_clock.c");
    // What links Rust's programs is there wherever they are built.
    let mut compiler = Command::new("cc");
    let compiler = compiler.args(["-shared", "-fPIC", "-o"]);
    let compiled = compiler.arg(&library).arg(source).status().unwrap();
    assert!(compiled.success());
    let mut again = Command::new(std::env::current_exe().unwrap());
    let again = again.args([NAME, "--exact", "--nocapture"]);
    let again = again.env("LD_PRELOAD", library);
    let again = again.env(CLOCK, folder.path().join("set back"));
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{failed}");
    assert!(said.contains("1 passed"), "{said}");
}

async fn in_a_process_of_its_own(file: &Path) {
    let kms = Kms::start().await;
    let vault = kms.vault(Duration::from_secs(1)).await;
    let patient = kms.vault(Duration::from_secs(900)).await;
    for vault in [&vault, &patient] {
        opens(vault, &kms).await.unwrap();
    }
    let sealed = vault.seal(&Person::numbered(4)).await.unwrap();

    let before = time_of_day();
    std::fs::write(file, "").unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(time_of_day() + day < before, "the control");
    let person: Person = vault.open(sealed).await.unwrap();
    assert_eq!(person.email.expose(), "person4@example.org");
    opens(&vault, &kms).await.unwrap();
    vault.seal(&Person::numbered(5)).await.unwrap();

    // Behind the maximum age of one second the grant is asked for anew, days before the time of day at
    // which it was asked for last.
    kms.double.allow_principals(&kms.key, &[]);
    let refused = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let Err(error) = opens(&vault, &kms).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let error = refused.await.expect("keys age, whatever the time of day");
    assert!(matches!(error, Error::Denied { .. }), "{error}");

    // Nor is an age cut short when the clock is set forward.
    std::fs::remove_file(file).unwrap();
    assert!(time_of_day() > before, "the control");
    opens(&patient, &kms).await.unwrap();
    kms.rig.end().await;
}

async fn opens(vault: &Vault, kms: &Kms) -> Result<(), Error> {
    let people: Vec<Person> = vault.open_all(kms.rows().await).await?;
    assert_eq!(people.len(), 3);
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock that is set is looked at"
)]
fn time_of_day() -> SystemTime {
    SystemTime::now()
}
