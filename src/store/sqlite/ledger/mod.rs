//! SQL of the table `redeploys`, in the four parts of the ledger.

mod asking;
mod following;
mod reading;
mod sending;
