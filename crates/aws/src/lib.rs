//! How AWS services are reached: region, endpoint, credentials, HTTP client. Owns the one
//! configuration that every service client is made from; calls no service itself.
