//! Random histories on MariaDB; what they are stands in `fieldseal_tests::histories`.

use fieldseal_tests::databases::Server;
use fieldseal_tests::histories::run_histories;

#[test]
fn histories_end_as_the_source() {
    run_histories(Server::MariaDb, 300, 2);
}
