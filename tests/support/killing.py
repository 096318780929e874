"""Sign-ups with a code while server, worker and database are killed at random moments; then the books are read."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import threading

import psycopg
from tests.support.faults import CLOCK, Line
from tests.support.serving import SETTINGS_OF_THE_MACHINE, Serving, free_port

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.reliability.entropy import SystemEntropy

CODE = "KNWN2345"
CALLERS = 8
LONGEST_S = 90


class Books:
    """What the database says in the end."""

    def __init__(self, url):
        self.url = url

    def rows(self, statement, *parameters):
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def open_for(self, code):
        """A referrer of that code; their user id."""
        (user_id,) = self.rows("INSERT INTO users (username) VALUES (%s) RETURNING id", code.lower())[0]
        self.rows("INSERT INTO gatewayz_auth.referral_codes (code, user_id) VALUES (%s, %s)", code, user_id)
        return user_id

    def pending(self):
        return self.rows("SELECT count(*) FROM referrals WHERE status = 'pending'")[0][0]

    def verdict(self, answered):
        """What is wrong, in words: lost, doubled, out of balance; nothing where all is well."""
        rewarded = {
            user_id for (user_id,) in self.rows("SELECT referred_user_id FROM referrals WHERE status = 'rewarded'")
        }
        lost = set(answered) - rewarded
        paid = "SELECT count(*) FROM credit_entries WHERE kind = %s"
        bonuses = [self.rows(paid, kind)[0][0] for kind in ("referrer_bonus", "referred_bonus")]
        twice = self.rows(
            "SELECT kind, reference FROM credit_entries WHERE kind LIKE 'refer%%' GROUP BY kind, reference "
            "HAVING count(*) > %s",
            1,
        )
        unbalanced = self.rows(
            "SELECT u.id FROM users AS u LEFT JOIN credit_entries AS e ON e.user_id = u.id "
            "GROUP BY u.id, u.region, u.credits HAVING u.credits <> coalesce(sum(e.amount), 0)"
        )
        wrong = {"lost": len(lost), "doubled": len(twice), "out of balance": len(unbalanced)}
        wrong["paid without a referral"] = sum(abs(count - len(rewarded)) for count in bonuses)
        return {what: count for what, count in wrong.items() if count}


class Killed:
    """A server and a worker over one Postgres; each can be killed and started again."""

    def __init__(self, folder, database_url):
        self._folder = folder
        self._issuer = DevIssuer(folder, SystemEntropy())
        self.port = free_port()
        self._environ = {
            "DATABASE_URL": database_url,
            "PRIVY_APP_ID": self._issuer.app_id,
            "PRIVY_VERIFICATION_KEY": self._issuer.public_pem,
            "API_KEY_SECRET": "a-secret-of-the-killing-tests-and-of-nobody-else",
            "STATE_DIR": str(folder / "state"),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "WARNING",
            "RATE_LIMITS": "off",
        }
        self._stack = contextlib.ExitStack()
        self.running = {}
        self.kills = 0

    def __enter__(self):
        for name in ("server", "worker"):
            self.start(name)
        self.running["server"].wait_for("Listening on")
        return self

    def __exit__(self, *_):
        self._stack.close()

    def start(self, name):
        arguments = ["serve", "--port", str(self.port)] if name == "server" else ["worker"]
        environ = {key: value for key, value in os.environ.items() if key not in SETTINGS_OF_THE_MACHINE}
        command = [sys.executable, "-P", "-m", "gatewayz_auth.cli", *arguments]
        serving = Serving(self._folder, port=self.port, environ={**environ, **self._environ}, command=command)
        self.running[name] = self._stack.enter_context(serving)

    def kill(self, name):
        """SIGKILL, and start it again."""
        self.kills += 1
        self.running[name].process.send_signal(signal.SIGKILL)
        self.running[name].process.wait()
        self.start(name)

    def sign_ups(self, count, kind):
        """Bodies of ``count`` proven newcomers with the code."""
        now_s = CLOCK.utc_now_s()
        bodies = []
        for number in range(count):
            name = f"{kind}{number}"
            told = self._issuer.issue(f"did:privy:{name}", [{"type": "email", "address": f"{name}@example.com"}], now_s)
            bodies.append(json.dumps({**told, "referral_code": CODE}).encode())
        return bodies

    def answered(self, bodies, meanwhile):
        """User ids of all who were answered 200, each asking until it is; ``meanwhile`` runs beside, in this thread.

        Servers end with the thread that started them, so what starts one is not for a thread that ends sooner.
        """
        user_ids, todo = [], list(bodies)

        async def call():
            while todo:
                body = todo.pop()
                line = Line(self.port)
                try:
                    reply = await line.ask(body)
                except (OSError, EOFError, asyncio.LimitOverrunError):
                    reply = None
                finally:
                    with contextlib.suppress(OSError):
                        await line.hang_up()
                if reply is None or reply.status != 200:
                    todo.append(body)
                    await asyncio.sleep(0.05)  # it is being started again
                else:
                    user_ids.append(reply.body["user_id"])

        async def all_of_them():
            await asyncio.gather(*(call() for _ in range(CALLERS)))

        beside = threading.Thread(target=asyncio.run, args=(all_of_them(),), daemon=True)
        beside.start()
        meanwhile(lambda: len(user_ids))
        beside.join(LONGEST_S)
        assert not beside.is_alive(), f"{len(user_ids)} of {len(bodies)} were answered within {LONGEST_S} s"
        return user_ids


def kill_at_random(world, acts, seed, people):
    """What to run beside ``people`` sign-ups: each of ``acts`` (callables) once, at moments that ``seed`` draws."""
    dice = random.Random(seed)  # noqa: S311 - so that a run can be had again
    moments = sorted(dice.uniform(0.05, 0.95) * people for _ in acts)
    order = dice.sample(acts, len(acts))

    def meanwhile(answered):
        for moment, act in zip(moments, order, strict=True):
            wait_until(lambda moment=moment: answered() >= moment, CLOCK, LONGEST_S)
            act()

    return meanwhile


def until_worked_off(books, limit_s):
    assert wait_until(lambda: books.pending() == 0, CLOCK, limit_s), f"{books.pending()} are still pending"
