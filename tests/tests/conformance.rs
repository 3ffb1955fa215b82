//! Whether our doubles and the public emulators do as AWS's pages say, each where it claims to.

use fieldseal_doubles::{KinesisDouble, KinesisSettings, KmsDouble, KmsSettings};
use fieldseal_tests::aws::REGION;
use fieldseal_tests::conformance::{self, Capabilities};
use fieldseal_tests::emulators::Emulator;

#[tokio::test]
async fn our_kinesis() {
    let double = KinesisDouble::start(KinesisSettings::default()).unwrap();
    conformance::kinesis(&double.endpoint(), Capabilities::AWS).await;
}

#[tokio::test]
async fn our_kms() {
    let double = KmsDouble::start(KmsSettings::default()).unwrap();
    conformance::kms(&double.endpoint(REGION), Capabilities::AWS).await;
}

#[tokio::test]
async fn kinesalite() {
    conformance::kinesis(&Emulator::Kinesalite.url(), Capabilities::KINESALITE).await;
}

#[tokio::test]
async fn kinesis_local() {
    conformance::kinesis(&Emulator::KinesisLocal.url(), Capabilities::KINESIS_LOCAL).await;
}

#[tokio::test]
async fn moto() {
    conformance::kms(&Emulator::Moto.url(), Capabilities::MOTO).await;
}
