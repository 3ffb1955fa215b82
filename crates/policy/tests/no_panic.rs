//! Whatever the text, parsing ends with a policy or with mistakes that stand inside the text.

use fieldseal_policy::Policy;
use proptest::prelude::*;

const QUICKSTART: &str = include_str!("../../../pipeline-config/quickstart.toml");

fn assert_total(text: &str) {
    let Err(mistakes) = Policy::parse(text) else {
        return;
    };
    assert!(
        mistakes.iter().count() > 0,
        "refused without a mistake: {text}"
    );
    let lines: Vec<&str> = text.split('\n').collect();
    for mistake in &mistakes {
        assert!((1..=lines.len()).contains(&mistake.line), "{mistake}");
        let width = lines[mistake.line - 1].chars().count();
        assert!((1..=width + 1).contains(&mistake.column), "{mistake}");
    }
}

/// One change to a text, at a place given as a fraction of its length.
#[derive(Clone, Debug)]
enum Edit {
    Insert(String),
    Remove(usize),
    RepeatLine,
    RemoveLine,
    Value(String),
}

fn edited(text: &str, place: f64, edit: &Edit) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1"
    )]
    let at = ((lines.len() - 1) as f64 * place) as usize;
    let line = lines[at].clone();
    let half = line.chars().count() / 2;
    let start = |n: usize| line.chars().take(n).collect::<String>();
    let end = |n: usize| line.chars().skip(n).collect::<String>();
    match edit {
        Edit::Insert(new) => lines[at] = start(half) + new + &end(half),
        Edit::Remove(n) => lines[at] = start(half) + &end(half + n),
        Edit::RepeatLine => lines.insert(at, line.clone()),
        Edit::RemoveLine => drop(lines.remove(at)),
        Edit::Value(new) => {
            if let Some((key, _)) = line.split_once('=') {
                lines[at] = format!("{key}= {new}");
            }
        }
    }
    lines.join("\n")
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        "\\PC{1,4}".prop_map(Edit::Insert),
        (1_usize..9).prop_map(Edit::Remove),
        Just(Edit::RepeatLine),
        Just(Edit::RemoveLine),
        r#"("[a-z_/1]{0,9}"|-?[0-9]{1,20}|true|\[\]|\{\}|\[\{\}\]|\{ [a-z]{1,4} = "[a-z]{1,7}" \}|[0-9.e]{1,5})"#
            .prop_map(Edit::Value),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text(text in any::<String>()) {
        assert_total(&text);
    }

    #[test]
    fn text_that_looks_like_toml(text in r#"([a-z\["\]{}=.,\n 0-9'#é-]|\[tables\."a\.b"\]\n|key|seal|columns){0,60}"#) {
        assert_total(&text);
    }

    #[test]
    fn a_policy_with_slips(
        edits in prop::collection::vec((0.0_f64..1.0, edit()), 1..6),
    ) {
        let text = edits
            .iter()
            .fold(QUICKSTART.to_owned(), |text, (place, edit)| edited(&text, *place, edit));
        assert_total(&text);
    }
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{a=", "[{a="] {
        assert_total(&format!("tables = {}", open.repeat(20_000)));
    }
    assert_total(&format!("tables{} = 1", ".a".repeat(20_000)));
}
