//! Who does something, and from where: read from what the surroundings say.
