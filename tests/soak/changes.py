"""What happens to people meanwhile: another program changes them by plain SQL."""

from __future__ import annotations

import asyncio
import random
import time

import psycopg

CREDITS, SWITCHED, REVOKED = range(200), range(200, 300), range(300, 400)
EVERY_S = 0.05


async def change_for_ever(url, truths):
    """Change somebody every ``EVERY_S`` seconds: credits of some, whether others may sign in, keys of the rest."""
    dice = random.Random(7)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            await asyncio.sleep(EVERY_S)
            group = dice.choice((CREDITS, CREDITS, SWITCHED, REVOKED))
            truth = truths[dice.choice(group)]
            if group is CREDITS:
                truth.credits.begin(truth.credits.newest + 1)
                wanted = (truth.credits.newest, truth.user_id)
                await connection.execute("UPDATE public.users SET credits = %s WHERE id = %s", wanted)
                truth.credits.committed()
            elif group is SWITCHED:
                truth.active.begin(not truth.active.newest)
                wanted = (truth.active.newest, truth.user_id)
                await connection.execute("UPDATE public.users SET is_active = %s WHERE id = %s", wanted)
                truth.active.committed()
            else:
                # From here on any key may be right but the one that is revoked now.
                cursor = await connection.execute(
                    "UPDATE public.api_keys SET revoked_at = now() WHERE user_id = %s AND revoked_at IS NULL "
                    "RETURNING prefix",
                    (truth.user_id,),
                )
                if await cursor.fetchone():
                    truth.revoked[truth.api_key] = time.time()
