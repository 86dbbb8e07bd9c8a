// Datasets as the views read them.

import { EVERYBODY, get, pages } from './api';
import { readable } from './session';
import type { Dataset, ImageShape, Row } from './types';

interface DatasetPage { datasets: Dataset[]; nextPageToken?: string }

/** All that the caller may use, newest first. */
export async function listDatasets(): Promise<Dataset[]> {
  const found: Dataset[] = [];
  await pages<DatasetPage>(`${EVERYBODY}/datasets`, (page) => found.push(...page.datasets));
  return found.sort((a, b) => b.createTime.localeCompare(a.createTime));
}

/** Those that can be evaluated on. */
export async function activeDatasets(): Promise<Dataset[]> {
  return (await listDatasets()).filter((dataset) => dataset.state === 'ACTIVE');
}

/** Those of them whose rows may be read: for training and for predictions. */
export async function readableDatasets(): Promise<Dataset[]> {
  return (await activeDatasets()).filter(readable);
}

export interface Preview { rows: Row[]; imageShape?: ImageShape }

export function preview(dataset: string, startRow: number, rowCount: number): Promise<Preview> {
  return get<Preview>(`${dataset}:preview`, { start_row: startRow, row_count: rowCount });
}

/** What rows are images of: as the dataset says. Plain bytes of a square count as one. */
export function shapeOf(featureCount: number): ImageShape | undefined {
  const side = Math.round(Math.sqrt(featureCount));
  return side >= 8 && side * side === featureCount ? { height: side, width: side } : undefined;
}
