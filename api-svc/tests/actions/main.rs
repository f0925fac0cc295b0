//! What one can do by the API, and who may: the real program against a local S3 and SQS.

#![cfg(test)]

mod access;
mod boards;
mod choices;
mod failures;
mod frames;
mod hostile;
mod instances;
mod jwt;
mod operations;
mod originals;
mod site;
mod support;
mod uploads;
