//! The sandbox against its specification: each row of the fact sheet's tables that it must keep is a test
//! here that names its section. Everything goes over real HTTP, as any client would.

mod support;
mod browser;
mod sign_in;
mod authorize;
mod token;
mod redeploy;
mod reading;
mod rights;
