//! The client of Cloud 66 against a server that does whatever a test wants: answers by halves, floods, hangs.
//! The server here is raw TCP and shares nothing with the sandbox, so a wrong word cannot agree with itself.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod records;
#[cfg(test)]
mod secrets;
