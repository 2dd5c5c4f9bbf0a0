//! Who is asking: the claims that PostgREST and Supabase put into `request.jwt.claims`.
