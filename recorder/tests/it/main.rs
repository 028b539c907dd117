//! What the recorder promises, against an object store that can be slow, full, down or lying.

#[cfg(test)]
mod casts;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod uploads;
