"""What the guest's parts raise when they cannot go on."""


class GuestError(Exception):
    """Says what was asked, what stands in the way, and what to do."""


class Unavailable(GuestError):
    """This machine cannot get the packages: no apt, no network, or mirrors without arm64."""
