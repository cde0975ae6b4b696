//! The manager as users of go-libp2p know it, point by point and for random states.

mod choice;
mod node;
mod points;
