//! Random histories on PostgreSQL; what they are stands in `fieldseal_tests::histories`.

use fieldseal_tests::databases::Server;
use fieldseal_tests::histories::run_histories;

#[test]
fn histories_end_as_the_source() {
    run_histories(Server::Postgres, 300, 2);
}
