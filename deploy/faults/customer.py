"""The payer's side of a campaign: what becomes of a payment link is the customer's doing, at the gateway's own page."""

import asyncio
from random import Random

import aiohttp

# What customers do with their links, as shares.
FATES = {"paid": 0.6, "paid twice": 0.1, "declined, then paid": 0.1, "left": 0.1, "paid too late": 0.1}
THINKS_S_MAX = 2.0
PAGE_TRIES = 5


class Customer:
    """`fate` is one of FATES, drawn."""

    def __init__(self, draw: Random) -> None:
        self.fate = draw.choices(list(FATES), list(FATES.values()))[0]
        self.thinks_s = draw.uniform(0, THINKS_S_MAX)

    async def act(self, session: aiohttp.ClientSession, url: str) -> bool:
        """At the page, in time or when the payment has expired. Whether the page said that it is paid."""
        await asyncio.sleep(self.thinks_s)
        match self.fate:
            case "left":
                return False
            case "paid twice":
                return all(await asyncio.gather(press(session, url, "approve"), press(session, url, "approve")))
            case "declined, then paid":
                await press(session, url, "decline")
        return await press(session, url, "approve")


async def press(session: aiohttp.ClientSession, url: str, button: str) -> bool:
    """Gateways' pages are up all the time; a busy machine may be slow. A link that is paid already says so."""
    for _ in range(PAGE_TRIES):
        try:
            async with session.post(url, params={"outcome": button}) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            await asyncio.sleep(1.0)
    return False
