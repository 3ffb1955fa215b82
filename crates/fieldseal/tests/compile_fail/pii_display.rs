//! Personal data cannot be put into a text.

fn main() {
    let email = fieldseal::Pii::new("zoe@example.org".to_owned());
    let _ = format!("dear {email}");
}
