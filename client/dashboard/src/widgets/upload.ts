// Sends files in parts of 1 MiB. What the server reports as committed is safe,
// and an upload goes on from there after whatever came between.

import { ApiError, get, postBytes } from '../core/api';
import type { Dataset } from '../core/types';

const PART_BYTES = 1 << 20;
const RETRIES = 20;
const RETRY_MS = 1000;

export type Part = 'DATA' | 'LABELS';

interface Written { committedBytes: string; finished: boolean }

const pause = (ms: number) => new Promise((resolve) => window.setTimeout(resolve, ms));

async function committed(dataset: string, part: Part): Promise<Written> {
  const found = (await get<Dataset>(dataset)).parts.find((each) => each.kind === part);
  return found ?? { committedBytes: '0', finished: false };
}

/** Worth another try: no answer, or the offset is no longer the right one. */
function passing(error: unknown): boolean {
  return error instanceof ApiError && (error.http === 0 || error.http >= 502 || error.status === 'OUT_OF_RANGE');
}

/** Uploads one file, from where an earlier try has left it. `progress` hears of bytes
 * that are safe. */
export async function uploadPart(dataset: string, part: Part, file: Blob, progress: (bytes: number) => void): Promise<void> {
  let at = await committed(dataset, part);
  let failures = 0;
  while (!at.finished) {
    const offset = Number(at.committedBytes);
    const end = Math.min(offset + PART_BYTES, file.size);
    try {
      at = await postBytes<Written>(`${dataset}:write`, file.slice(offset, end), { part, offset, finish: end === file.size });
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!passing(error) || failures > RETRIES) throw error;
      await pause(RETRY_MS);
      at = await committed(dataset, part).catch(() => at);
    }
    progress(Number(at.committedBytes));
  }
}
