//! Who may hold a connection: a number for all, and one for each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

/// The places for connections.
#[derive(Clone)]
pub(super) struct Slots {
    taken: Arc<Mutex<Taken>>,
    all: usize,
    per_address: usize,
    /// Whoever stands behind these is many people.
    exempt: Arc<[IpNet]>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// No entry is zero, so the map is never larger than the number of connections.
    by_address: HashMap<IpAddr, usize>,
}

/// One place; given back when it is dropped.
pub(super) struct Slot {
    taken: Arc<Mutex<Taken>>,
    /// `None` for an exempt address.
    address: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// All places are taken.
    Full,
    /// This address has as many as it may.
    TooManyFromThere,
}

impl Slots {
    pub(super) fn new(all: usize, per_address: usize, exempt: Arc<[IpNet]>) -> Self {
        Self {
            taken: Arc::default(),
            all,
            per_address,
            exempt,
        }
    }

    /// Takes a place for a peer.
    pub(super) fn take(&self, peer: IpAddr) -> Result<Slot, NoSlot> {
        let peer = peer.to_canonical();
        let is_exempt = self.exempt.iter().any(|network| network.contains(&peer));
        let address = (!is_exempt).then(|| household(peer));

        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.all {
            return Err(NoSlot::Full);
        }
        if let Some(address) = address {
            let count = taken.by_address.get(&address).copied().unwrap_or_default();
            if count >= self.per_address {
                return Err(NoSlot::TooManyFromThere);
            }
            taken.by_address.insert(address, count + 1);
        }
        taken.all += 1;
        Ok(Slot {
            taken: Arc::clone(&self.taken),
            address,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(count) = taken.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

/// What one customer of a network provider has: an IPv4 address, or an IPv6 /64 with all its 2^64 addresses.
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_for_all_and_for_each_address_and_given_back() {
        let slots = Slots::new(4, 2, Arc::new(["10.0.0.0/8".parse().unwrap()]));

        let first = slots.take(ip("192.0.2.1")).unwrap();
        // The same address as an IPv6 socket writes it.
        let _second = slots.take(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(slots.take(ip("192.0.2.1")).err(), Some(NoSlot::TooManyFromThere));
        let _third = slots.take(ip("192.0.2.2")).unwrap();
        let _proxy = slots.take(ip("10.1.1.1")).unwrap();
        assert_eq!(slots.take(ip("192.0.2.3")).err(), Some(NoSlot::Full));

        drop(first);
        let _again = slots.take(ip("192.0.2.1")).unwrap();
        assert_eq!(
            slots.take(ip("10.1.1.1")).err(),
            Some(NoSlot::Full),
            "exempt from the share, not from the whole"
        );
    }

    #[test]
    fn a_trusted_proxy_may_have_all_places_and_leaves_no_trace() {
        let slots = Slots::new(3, 1, Arc::new(["10.0.0.0/8".parse().unwrap()]));
        let held: Vec<_> = (0..3).map(|_| slots.take(ip("10.1.1.1")).unwrap()).collect();
        drop(held);
        drop(slots.take(ip("192.0.2.1")));
        let taken = slots.taken.lock().unwrap();
        assert_eq!((taken.all, taken.by_address.len()), (0, 0));
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_share_their_places() {
        let slots = Slots::new(9, 1, Arc::new([]));
        let _one = slots.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(
            slots.take(ip("2001:db8:0:1:ffff::2")).err(),
            Some(NoSlot::TooManyFromThere)
        );
        assert!(slots.take(ip("2001:db8:0:2::1")).is_ok());
    }
}
