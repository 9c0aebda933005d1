//! Template regions and AUTO tags, hidden from yaml-rust2 behind as many word characters.
