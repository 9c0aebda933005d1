//! Edits that insert or replace entries of a mapping with the right indentation.
