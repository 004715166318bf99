"""What must hold of the sandbox, a module for each kind of resource."""
