export { field } from './field';
export { isHoliday } from '../holidays';
