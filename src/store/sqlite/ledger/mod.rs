//! SQL of the table `redeploys`, in the four parts of the ledger.

mod asking;
mod epochs;
mod following;
mod reading;
mod sending;
