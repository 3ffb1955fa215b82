//! Personal data is read by `expose`, so that every reader is found.

fn main() {
    let email = fieldseal::Pii::new("zoe@example.org".to_owned());
    let _: &str = &email;
}
