/**
 * What a failed request to Slack means for the notice it was to carry.
 *
 * @module
 */

/** A request that did not succeed. */
export interface SlackFailure {
  /**
   * `rate`: Slack asks to wait; `outage`: try later; `settings`: someone must change the token,
   * the channel or a permission; `refused`: this notice will never be taken.
   */
  readonly outcome: "rate" | "outage" | "settings" | "refused";
  /** For people. */
  readonly reason: string;
  /** Whether Slack may have done what it was asked all the same. */
  readonly unsure: boolean;
  /** How long Slack asks to wait, in seconds. */
  readonly waitS?: number;
}

/** Errors that go away when someone changes the token, the channel or the app's permissions. */
const SETTINGS = new Set([
  "access_denied",
  "account_inactive",
  "app_missing_action_url",
  "channel_not_found",
  "ekm_access_denied",
  "enterprise_is_restricted",
  "invalid_auth",
  "is_archived",
  "missing_scope",
  "no_permission",
  "not_allowed_token_type",
  "not_authed",
  "not_in_channel",
  "org_login_required",
  "restricted_action",
  "team_access_not_granted",
  "token_expired",
  "token_revoked",
  "two_factor_setup_required",
]);

/** Errors of Slack itself, after which what was asked may have been done. */
const OUTAGE = new Set([
  "fatal_error",
  "internal_error",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
]);

/** Slack counts and will take the notice later. */
const RATE = new Set(["ratelimited", "rate_limited", "message_limit_exceeded"]);
/** How long to wait where Slack does not say it, in seconds. */
const RATE_WAIT_S = 30;

/** The request did not leave this machine. */
const NOT_SENT =
  /\(Connect\)|ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|dns error|name resolution/i;

/**
 * Reads an error of the client.
 *
 * @param error What was thrown.
 * @returns What it means; the reason may still hold the token.
 */
export function interpretError(error: unknown): SlackFailure {
  const reason = error instanceof Error ? error.message : String(error);
  const { code, data, retryAfter, statusCode } = error as {
    code?: string;
    data?: { error?: unknown };
    retryAfter?: number;
    statusCode?: number;
  };
  if (code === "slack_webapi_rate_limited_error") {
    return { outcome: "rate", reason, unsure: false, waitS: retryAfter ?? RATE_WAIT_S };
  }
  if (code === "slack_webapi_platform_error") return interpretPlatform(data?.error, reason);
  if (statusCode !== undefined) return interpretStatus(statusCode, reason);
  if (/Retry header/.test(reason)) {
    return { outcome: "rate", reason, unsure: false, waitS: RATE_WAIT_S };
  }
  const causes = causesOf(error);
  const unsure = !NOT_SENT.test([reason, ...causes].join(" "));
  return { outcome: "outage", reason: causes.at(-1) ?? reason, unsure };
}

function interpretPlatform(name: unknown, reason: string): SlackFailure {
  if (typeof name !== "string" || !/^[a-z_]+$/.test(name)) {
    // Not Slack's own words, such as the page of a proxy.
    return { outcome: "outage", reason: reason.slice(0, 200), unsure: true };
  }
  if (SETTINGS.has(name)) return { outcome: "settings", reason, unsure: false };
  if (OUTAGE.has(name)) return { outcome: "outage", reason, unsure: true };
  if (RATE.has(name)) return { outcome: "rate", reason, unsure: false, waitS: RATE_WAIT_S };
  return { outcome: "refused", reason, unsure: false };
}

function interpretStatus(status: number, reason: string): SlackFailure {
  const denied = status === 401 || status === 403;
  return { outcome: denied ? "settings" : "outage", reason, unsure: status >= 500 };
}

/** What is behind an error, the deepest last. */
function causesOf(error: unknown): string[] {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? [cause.message, ...causesOf(cause)] : [];
}
