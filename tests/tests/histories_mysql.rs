//! Random histories on MySQL, where there is one; what they are stands in
//! `fieldseal_tests::histories`.

use fieldseal_tests::databases::Server;
use fieldseal_tests::histories::run_histories;

#[test]
fn histories_end_as_the_source() {
    if Server::MySql.is_there() {
        run_histories(Server::MySql, 300, 2);
    }
}
