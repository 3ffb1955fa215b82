//! Customers and orders that nobody placed: names, addresses and notes in many scripts. Owns the
//! spelling of their values.

use super::{Cell, Row};
use crate::rng::Rng;

/// What one part of the world writes.
struct Script {
    first: [&'static str; 6],
    last: [&'static str; 6],
    street: [&'static str; 3],
    city: [&'static str; 3],
    note: [&'static str; 3],
}

/// Latin with precomposed and with combining marks, Greek, Cyrillic, Arabic, Hebrew, Devanagari,
/// Thai, Han, Japanese, Hangul.
const SCRIPTS: [Script; 11] = [
    Script {
        first: ["Anna", "Zoë", "François", "Jürgen", "Søren", "Łucja"],
        last: [
            "Kowalczyk",
            "Müller",
            "Nguyễn",
            "O'Hara",
            "Ångström",
            "İnanç",
        ],
        street: ["Straße des Friedens", "Rue de l'Église", "Ulica Żółta"],
        city: ["Köln", "Besançon", "Łódź"],
        note: [
            "says \"leave it with the neighbour\"",
            "c/o the porter, 2nd/3rd floor",
            "naïve café owner",
        ],
    },
    Script {
        first: [
            "Zoe\u{308}",
            "Rene\u{301}e",
            "A\u{30a}sa",
            "N\u{303}ico",
            "Ludvi\u{301}k",
            "Ho\u{308}lger",
        ],
        last: [
            "Mu\u{308}nster",
            "Dvor\u{30c}a\u{301}k",
            "Gonc\u{327}alves",
            "Pe\u{301}rez",
            "S\u{323}u\u{306}ta\u{304}",
            "No\u{308}the",
        ],
        street: [
            "Bru\u{308}ckengasse",
            "Calle An\u{303}il",
            "Rua da Conceic\u{327}a\u{303}o",
        ],
        city: ["Mu\u{308}nchen", "A Corun\u{303}a", "Sa\u{303}o Paulo"],
        note: [
            "writes with combining marks: e\u{301}\u{323}",
            "re\u{301}sume\u{301} attached",
            "Ame\u{301}lie's aunt",
        ],
    },
    Script {
        first: ["Ελένη", "Γιώργος", "Μαρία", "Νίκος", "Σοφία", "Θάνος"],
        last: [
            "Παπαδόπουλος",
            "Οικονόμου",
            "Δημητρίου",
            "Αγγελοπούλου",
            "Κωνσταντίνου",
            "Βλάχος",
        ],
        street: ["Οδός Ερμού", "Λεωφόρος Αθηνών", "Πλατεία Σύνταγμα"],
        city: ["Αθήνα", "Θεσσαλονίκη", "Πάτρα"],
        note: ["καλεί μόνο το πρωί", "παλιός πελάτης", "πληρώνει μετρητά"],
    },
    Script {
        first: ["Ольга", "Дмитрий", "Їванна", "Сергей", "Наталя", "Ђорђе"],
        last: [
            "Иванова",
            "Шевченко",
            "Щукин",
            "Ковальчук",
            "Петровић",
            "Жуковский",
        ],
        street: ["улица Ленина", "Хрещатик", "Кнез Михаилова"],
        city: ["Київ", "Новосибирск", "Београд"],
        note: [
            "просит звонить после шести",
            "постоянный покупатель",
            "друга адреса на зиму",
        ],
    },
    Script {
        first: ["فاطمة", "محمد", "ليلى", "يوسف", "مريم", "خالد"],
        last: [
            "الحسيني",
            "العمري",
            "بن سعيد",
            "الزهراوي",
            "الخوارزمي",
            "القرطبي",
        ],
        street: ["شارع الحمراء", "شارع الملك فيصل", "زقاق النحاسين"],
        city: ["القاهرة", "بيروت", "الرباط"],
        note: [
            "يرجى الاتصال بعد صلاة العصر",
            "زبون قديم ومهذب",
            "الطابق الثالث على اليمين",
        ],
    },
    Script {
        first: ["שרה", "דוד", "רחל", "יעקב", "מרים", "אברהם"],
        last: [
            "כהן־לוי",
            "ביטון הגדול",
            "פרידמן",
            "מזרחי־אשכנזי",
            "אברהמוב",
            "גולדשטיין",
        ],
        street: ["רחוב הרצל", "שדרות רוטשילד", "סמטת הבאר"],
        city: ["ירושלים", "חיפה", "באר שבע"],
        note: ["לא להתקשר בשבת", "לקוחה ותיקה", "הדלת האחורית"],
    },
    Script {
        first: ["अनीता", "राजेश", "सुनीता", "विक्रम", "काव्या", "अर्जुन"],
        last: ["शर्मा", "कुलकर्णी", "श्रीवास्तव", "चतुर्वेदी", "पटेल", "त्रिपाठी"],
        street: ["महात्मा गांधी मार्ग", "स्टेशन रोड", "चाँदनी चौक"],
        city: ["मुंबई", "वाराणसी", "जयपुर"],
        note: ["शाम को फ़ोन करें", "पुराने ग्राहक", "दूसरी मंज़िल"],
    },
    Script {
        first: ["สมชาย", "สุดา", "กิตติ", "มาลี", "ประเสริฐ", "นงนุช"],
        last: [
            "ใจดีเสมอ",
            "ศรีสุวรรณ",
            "ทองคำแท้",
            "วงศ์สวัสดิ์",
            "แสงอรุณ",
            "บุญมาก",
        ],
        street: ["ถนนสุขุมวิท", "ซอยทองหล่อ", "ถนนเจริญกรุง"],
        city: ["กรุงเทพมหานคร", "เชียงใหม่", "ภูเก็ต"],
        note: ["โทรหลังหกโมงเย็น", "ลูกค้าประจำ", "บ้านรั้วสีฟ้า"],
    },
    Script {
        first: ["小明", "丽华", "建国", "秀英", "志强", "雨桐"],
        last: ["欧阳", "司马", "诸葛", "上官", "慕容", "𠮷田"],
        street: ["人民路", "中山北路", "長安街"],
        city: ["北京市", "上海市", "臺北市"],
        note: ["请在下午六点以后打电话", "老顾客", "放在門口即可"],
    },
    Script {
        first: ["さくら", "ヒロシ", "美咲", "ケンタロウ", "陽菜", "翔太郎"],
        last: ["佐々木", "渡邉", "ヴァンダム", "小笠原", "長谷川", "五十嵐"],
        street: ["丸の内一丁目", "ﾊﾟｰｸｱﾍﾞﾆｭｰ", "三条通り"],
        city: ["東京都千代田区", "京都市", "札幌市"],
        note: [
            "午後六時以降にお電話ください",
            "常連のお客様",
            "宅配ボックス希望",
        ],
    },
    Script {
        first: ["지우", "민준", "서연", "하은", "도윤", "예준"],
        last: ["남궁", "황보", "제갈", "선우", "독고", "사공"],
        street: ["세종대로", "테헤란로", "해운대해변로"],
        city: ["서울특별시", "부산광역시", "전주시"],
        note: [
            "저녁 여섯 시 이후에 전화 주세요",
            "오래된 단골",
            "경비실에 맡겨 주세요",
        ],
    },
];

const MAILBOXES: [&str; 8] = [
    "anna",
    "o.ivanova",
    "m.al-husseini",
    "xiao.ming",
    "sakura",
    "jiwoo",
    "INFO",
    "Zoe.K",
];
const DOMAINS: [&str; 5] = [
    "example.org",
    "example.com",
    "mail.example.net",
    "Example.COM",
    "почта.example",
];
const EMOJI: [&str; 6] = ["😀", "👩‍👩‍👧", "🇺🇦", "👍🏽", "❤️", "🧾"];
const LOYALTY: [&str; 4] = ["none", "bronze", "silver", "gold"];
const STATUS: [&str; 4] = ["placed", "paid", "sent", "returned"];

/// Makes customers and orders. E-mail addresses never repeat, whatever their case.
pub(crate) struct People {
    emails: u64,
}

impl People {
    pub(crate) const fn new() -> Self {
        Self { emails: 0 }
    }

    /// A whole customer.
    pub(crate) fn customer(&mut self, rng: &mut Rng) -> Row {
        let script = rng.pick(&SCRIPTS);
        let name = format!(
            "{} {}-{}",
            rng.pick(&script.first),
            rng.pick(&script.last),
            rng.pick(&script.last)
        );
        let birth_date = format!("{:04}-{}", 1930 + rng.below(76), month_and_day(rng));
        vec![
            Cell::Text(name),
            self.email(rng),
            phone(rng),
            if rng.once_in(20) {
                Cell::Null
            } else {
                Cell::Text(birth_date)
            },
            address(rng),
            notes(rng),
            Cell::Text((*rng.pick(&LOYALTY)).to_owned()),
            points(rng),
            Cell::Number(rng.below(2).to_string()),
            moment(rng),
            Cell::Number(format!("0.{:013}1", rng.below(10_u64.pow(13)))),
        ]
    }

    /// An order of a customer.
    pub(crate) fn order(rng: &mut Rng, customer: u64) -> Row {
        let iban = format!(
            "DE{:02}{:018}",
            2 + rng.below(97),
            rng.below(10_u64.pow(18))
        );
        let total = format!("{}.{:02}", 1 + rng.below(900), rng.below(100));
        vec![
            Cell::Number(customer.to_string()),
            status(rng),
            Cell::Number(total),
            moment(rng),
            Cell::Text(format!("{:04}", rng.below(10_000))),
            if rng.once_in(10) {
                Cell::Null
            } else {
                Cell::Text(iban)
            },
            notes(rng),
        ]
    }

    pub(crate) fn email(&mut self, rng: &mut Rng) -> Cell {
        self.emails += 1;
        Cell::Text(format!(
            "{}{}@{}",
            rng.pick(&MAILBOXES),
            self.emails,
            rng.pick(&DOMAINS)
        ))
    }
}

pub(crate) fn phone(rng: &mut Rng) -> Cell {
    if rng.once_in(25) {
        return Cell::Null;
    }
    Cell::Text(format!(
        "+{} {:03} {:07}",
        20 + rng.below(79),
        rng.below(1_000),
        rng.below(10_000_000)
    ))
}

pub(crate) fn address(rng: &mut Rng) -> Cell {
    let script = rng.pick(&SCRIPTS);
    let (street, city) = (rng.pick(&script.street), rng.pick(&script.city));
    let flat = if rng.once_in(4) {
        format!("/{}", 1 + rng.below(40))
    } else {
        String::new()
    };
    Cell::Text(format!(
        "{street} {}{flat}, {:05} {city}",
        1 + rng.below(300),
        rng.below(100_000)
    ))
}

/// Sometimes NULL, sometimes empty, sometimes with what JSON must escape.
pub(crate) fn notes(rng: &mut Rng) -> Cell {
    let script = rng.pick(&SCRIPTS);
    let note = rng.pick(&script.note);
    match rng.below(12) {
        0 | 1 => Cell::Null,
        2 => Cell::Text(String::new()),
        3 => Cell::Text(format!(
            "{note}\r\n\t#{}\\{}",
            rng.below(1_000_000),
            rng.pick(&EMOJI)
        )),
        _ => Cell::Text(format!(
            "{note} {} #{}",
            rng.pick(&EMOJI),
            rng.below(10_000_000)
        )),
    }
}

pub(crate) fn points(rng: &mut Rng) -> Cell {
    Cell::Number(rng.below(100_000).to_string())
}

pub(crate) fn status(rng: &mut Rng) -> Cell {
    Cell::Text((*rng.pick(&STATUS)).to_owned())
}

/// A moment in years in which nobody of the shop was born.
fn moment(rng: &mut Rng) -> Cell {
    let (year, day) = (2019 + rng.below(7), month_and_day(rng));
    let (hour, minute, second) = (rng.below(24), rng.below(60), rng.below(60));
    Cell::Text(format!("{year}-{day}T{hour:02}:{minute:02}:{second:02}"))
}

fn month_and_day(rng: &mut Rng) -> String {
    format!("{:02}-{:02}", 1 + rng.below(12), 1 + rng.below(28))
}
