"""What a server relies on in a provider, as checks that drive one."""
