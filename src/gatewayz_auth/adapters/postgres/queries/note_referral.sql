-- Keeps why an attempt at a referral did not succeed, while it has not ended otherwise.
UPDATE public.referrals SET reason = left(%(reason)s::text, 200), updated_at = now()
WHERE id = %(referral_id)s::bigint AND status = 'pending'
