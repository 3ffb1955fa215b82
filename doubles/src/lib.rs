//! Stand-ins for AWS services over their wire protocol, for tests and for trying things by hand.
//! Stricter than the public emulators; never part of the product.
